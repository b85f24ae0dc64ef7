// Mutual TLS through a real HAProxy with the configuration of tools/systemd, its own account and the service's socket:
// a browser shows its certificate in the handshake and is logged in at the public address, a client proves itself with
// the key in its SoftHSM token, and what it gets is bound to that certificate. RFC 8705, RFC 9440;
// LD/T 01-2020 5.4.1.3b, 6.2.6d, 6.2.6e; docs/decisions/0122, 0123, 0126.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash, createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { assert, out, runTests, stack, test, tryThis } from './support.mjs';
import { bringIn, eventually, freePort } from './portals.mjs';
import { freshCitizen, register } from './visit.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const password = 'kelp lantern orbit thistle', pin = '246810';
const module = '/usr/lib/softhsm/libsofthsm2.so';
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'xinyin-tls-'));
fs.chmodSync(work, 0o755);
const at = (name) => path.join(work, name);
const run = (program, ...words) => execFileSync(program, words, { cwd: work, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

// ---- who runs what ------------------------------------------------------------------------------
const root = process.geteuid() === 0;
const { uid, gid } = fs.statSync(stack.var);
const idOf = (kind, name) => Number(run('id', kind, name).trim());
const proxy = root ? { uid: idOf('-u', 'haproxy'), gid: idOf('-g', 'haproxy') } : { uid, gid };
const [publicPort, tlsPort, servicePort, plainPort] = [await freePort(), await freePort(), await freePort(), await freePort()];
const home = `https://localhost:${publicPort}`, tls = `https://localhost:${tlsPort}`;

const children = [];
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  fs.rmSync(work, { recursive: true, force: true });
});

function start(name, program, words, options = {}) {
  const log = fs.openSync(path.join(out, `mutual-tls-${name}.log`), 'w');
  const child = spawn(program, words, { cwd: '/', stdio: ['ignore', log, log],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' }, ...options });
  children.push(child);
  return child;
}

/** A further instance of the service, at these addresses. */
function startService() {
  // The socket takes the group of its directory: the proxy's (docs/operations.md).
  fs.mkdirSync(at('socket'));
  fs.mkdirSync(at('state'));
  fs.chownSync(at('socket'), uid, proxy.gid);
  fs.chownSync(at('state'), uid, gid);
  fs.chmodSync(at('socket'), 0o2750);
  const replaced = (text, pattern, line) => {
    assert.match(text, pattern);
    return text.replace(pattern, line);
  };
  let text = fs.readFileSync(tryThis.service_config, 'utf8');
  text = replaced(text, /^public_url = .*$/m, `public_url = ${home}`);
  text = replaced(text, /^instance = .*$/m, 'instance = mutual-tls');
  text = replaced(text, /^http\.port = .*$/m, `http.port = ${servicePort}`);
  text = replaced(text, /^pki\.seen_lists_file = .*$/m, `pki.seen_lists_file = ${at('state/seen-lists.json')}`);
  text += `\nhttp.mtls_url = ${tls}\nhttp.proxy_socket = ${at('socket/proxy.sock')}\nhttp.proxy_uid = ${proxy.uid}\n`;
  fs.writeFileSync(at('state/xinyind.conf'), text, { mode: 0o600 });
  fs.chownSync(at('state/xinyind.conf'), uid, gid);
  start('xinyind', path.join(tryThis.programs, 'xinyind'), ['--config', at('state/xinyind.conf')], root ? { uid, gid } : {});
}

/** tools/systemd/haproxy.cfg with its last frontend in use; what must differ on this machine is put in its place. */
function startProxy() {
  run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'site.key', '-out', 'site.crt',
    '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-addext', 'basicConstraints=critical,CA:TRUE');
  fs.writeFileSync(at('site.pem'), fs.readFileSync(at('site.crt'), 'utf8') + fs.readFileSync(at('site.key'), 'utf8'), { mode: 0o600 });
  fs.copyFileSync(tryThis.root_certificate, at('root.pem'));
  let text = fs.readFileSync(path.join(here, '../../tools/systemd/haproxy.cfg'), 'utf8');
  text = text.replace(/^#(frontend certificates|backend certificates| {4}.*)$/gm, '$1');
  for (const [from, to] of [
    [/^ {4}chroot .*$/m, ''],  // the socket's directory lies outside of it
    [/^ {4}maxconn .*$/m, '    maxconn 500'],
    [/bind :80$/m, `bind 127.0.0.1:${plainPort}`],
    [/bind :443 ssl crt \S+/m, `bind 127.0.0.1:${publicPort} ssl crt ${at('site.pem')}`],
    [/bind :8443 ssl crt \S+/m, `bind 127.0.0.1:${tlsPort} ssl crt ${at('site.pem')}`],
    [/ca-file \S+/m, `ca-file ${at('root.pem')}`],
    [/hdr Host \S+/m, `hdr Host localhost:${publicPort}`],
    [/server one \S+ check/m, `server one 127.0.0.1:${servicePort} check`],
    [/^ {4}server two .*$/m, ''],
    [/server local unix@\S+/m, `server local unix@${at('socket/proxy.sock')}`],
    ...(root ? [] : [[/^ {4}user .*$/m, ''], [/^ {4}group .*$/m, '']]),
  ]) {
    assert.match(text, from, 'tools/systemd/haproxy.cfg is not as this journey knows it');
    text = text.replace(from, to);
  }
  fs.writeFileSync(at('haproxy.cfg'), text);
  run('/usr/sbin/haproxy', '-c', '-f', at('haproxy.cfg'));
  start('haproxy', '/usr/sbin/haproxy', ['-db', '-f', at('haproxy.cfg')]);
}

// ---- who shows what -----------------------------------------------------------------------------

/** A certificate of the demonstration's body with its key and the authority's: name.pem, name.key, sub.pem. */
async function certificate(name, number) {
  const answer = await fetch(`${tryThis.body_url}/certificates`, { method: 'POST', body: new URLSearchParams({ name: '李小明', number }) });
  assert.equal(answer.status, 200);
  const parts = (await answer.text()).match(/-----BEGIN [\s\S]*?-----END [A-Z ]+-----\n/g);
  [`${name}.pem`, `${name}.key`, 'sub.pem'].forEach((file, i) => fs.writeFileSync(at(file), parts[i], { mode: 0o600 }));
}

/** A client's key in a SoftHSM token, and a certificate of its own making: what curl shows with them. */
function token(name) {
  process.env.SOFTHSM2_CONF = at('softhsm.conf');
  fs.mkdirSync(at('tokens'), { recursive: true });
  fs.writeFileSync(at('softhsm.conf'), `directories.tokendir = ${work}/tokens\nobjectstore.backend = file\n`);
  run('softhsm2-util', '--init-token', '--free', '--label', name, '--so-pin', '135791', '--pin', pin);
  run('pkcs11-tool', '--module', module, '--token-label', name, '--login', '--pin', pin, '--keypairgen', '--key-type', 'EC:prime256v1',
    '--label', name, '--id', '01');
  fs.writeFileSync(at('pin'), pin, { mode: 0o600 });
  fs.writeFileSync(at('engine.cnf'), `openssl_conf = start\n[start]\nengines = engines\n[engines]\npkcs11 = token\n[token]\n`
    + `engine_id = pkcs11\nMODULE_PATH = ${module}\ninit = 0\n[req]\ndistinguished_name = dn\n[dn]\n`);
  const key = `pkcs11:token=${name};object=${name};type=private;pin-source=file:${at('pin')}`;
  execFileSync('openssl', ['req', '-config', at('engine.cnf'), '-new', '-x509', '-days', '30', '-subj', `/CN=${name}`, '-engine', 'pkcs11', '-keyform', 'engine',
    '-key', key, '-out', at(`${name}.pem`)], { env: { ...process.env, OPENSSL_CONF: at('engine.cnf') }, stdio: ['ignore', 'pipe', 'pipe'] });
  return { name, key, pem: fs.readFileSync(at(`${name}.pem`), 'utf8') };
}

/** curl; with `shown` it has that token sign in the handshake. Status and JSON. */
function curl(url, shown, ...words) {
  const own = shown ? ['--engine', 'pkcs11', '--cert', at(`${shown.name}.pem`), '--key-type', 'ENG', '--key', shown.key] : [];
  const ran = spawnSync('curl', ['--silent', '--show-error', '--cacert', at('site.crt'), '--write-out', '\n%{http_code}', ...own, ...words, url],
    { encoding: 'utf8', env: { ...process.env, OPENSSL_CONF: at('engine.cnf') } });
  assert.equal(ran.status, 0, ran.stderr);
  const end = ran.stdout.lastIndexOf('\n');
  const body = ran.stdout.slice(0, end);
  return { status: Number(ran.stdout.slice(end + 1)), json: body.startsWith('{') ? JSON.parse(body) : {}, body };
}

/** A browser whose store holds the certificates, that believes the proxy's, and shows the first without asking. */
async function browserWith(name) {
  const home = at(`home-${name}-${randomBytes(4).toString('hex')}`), nss = path.join(home, '.pki/nssdb');
  fs.mkdirSync(nss, { recursive: true });
  run('certutil', '-N', '-d', `sql:${nss}`, '--empty-password');
  run('certutil', '-A', '-d', `sql:${nss}`, '-n', 'site', '-t', 'C,,', '-i', 'site.crt');
  run('openssl', 'pkcs12', '-export', '-in', `${name}.pem`, '-inkey', `${name}.key`, '-certfile', 'sub.pem', '-name', name, '-passout', 'pass:x', '-out', `${name}.p12`);
  run('pk12util', '-i', `${name}.p12`, '-W', 'x', '-K', '', '-d', `sql:${nss}`);
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    env: { ...process.env, HOME: home } });
}

/** What an administrator of a machine sets: no dialogue at this address. */
function choosePolicy() {
  const policy = `/etc/chromium/policies/managed/xinyin-journey-${tlsPort}.json`;
  fs.mkdirSync(path.dirname(policy), { recursive: true });
  fs.writeFileSync(policy, JSON.stringify({ AutoSelectCertificateForUrls: [JSON.stringify({ pattern: tls, filter: {} })] }));
  process.on('exit', () => {
    fs.rmSync(policy, { force: true });
    for (const directory of [path.dirname(policy), path.dirname(path.dirname(policy))]) {
      try { fs.rmdirSync(directory); } catch { return; }  // others have theirs there
    }
  });
}

startService();
startProxy();
choosePolicy();
const machine = token('machine'), stranger = token('stranger');
await eventually(() => spawnSync('curl', ['--silent', '--fail', '--cacert', at('site.crt'), `${home}/health/ready`]).status === 0, 'ready');

const number = freshCitizen();
const loginName = await register(password, number);
await certificate('person', number);
const shots = path.join(out, 'screenshots');
const redirect = 'https://portal.example/callback';

test('6.2.6e: a certificate in the browser is bound and logs in, by the handshake', async () => {
  const browser = await browserWith('person');
  const page = await (await browser.newContext({ locale: 'zh-CN' })).newPage();
  await page.goto(`${home}/login?return_to=/account/security`);
  await page.fill('input[name=login_name]', loginName);
  await page.fill('input[name=password]', password);
  await page.click('form[action="/login"] button[type=submit]');
  await page.waitForURL(`${home}/account/security`);
  await page.click('#bind-certificate');
  await page.click('#tls');
  await page.waitForURL(`${tls}/account/security/certificate**`);
  assert.match(await page.textContent('main'), new RegExp(`${number.slice(0, 6)}\\*+${number.slice(-4)}`));
  await page.screenshot({ path: path.join(shots, 'mutual-tls-bind.png'), fullPage: true });
  await page.click('form[action="/account/security/certificate"] button');
  await page.waitForURL(`${home}/account/security?done=added**`);

  await page.context().clearCookies();
  await page.goto(`${home}/login?return_to=/account`);
  await page.click('a[href^="/login/certificate"]');
  await page.screenshot({ path: path.join(shots, 'mutual-tls-offered.png'), fullPage: true });
  await page.click('#tls');
  await page.waitForURL(`${tls}/login/certificate**`);
  assert.equal(await page.locator('#text').count(), 0, 'nothing to sign');
  await page.click('form[action="/login/certificate"] button');
  await page.waitForURL(`${home}/login/second**`);
  await page.fill('#password', password);
  await page.click('form[action="/login/second/password"] button');
  await page.waitForURL(`${home}/account`);

  // As the second step, behind the password.
  await page.context().clearCookies();
  await page.goto(`${home}/login?return_to=/account`);
  await page.fill('input[name=login_name]', loginName);
  await page.fill('input[name=password]', password);
  await page.click('form[action="/login"] button[type=submit]');
  await page.waitForURL(`${home}/login/second**`);
  await page.click('#certificate');
  await page.click('#tls');
  await page.waitForURL(`${tls}/login/second/certificate**`);
  await page.click('form[action="/login/second/certificate"] button');
  await page.waitForURL(`${home}/account`);
  await browser.close();
});

test('6.2.6d, RFC 8705: a client with its key in a token gets tokens that are worth nothing without it', async () => {
  const jwk = { ...createPublicKey(new X509Certificate(machine.pem).publicKey.export({ type: 'spki', format: 'pem' })).export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'token' };
  const { client_id } = bringIn({ redirect_uris: [redirect], scope: 'openid profile', jwks: { keys: [jwk] } });
  const discovery = curl(`${home}/.well-known/openid-configuration`).json;
  const endpoints = discovery.mtls_endpoint_aliases;
  assert.equal(endpoints.token_endpoint, `${tls}/oauth/token`);

  // The person logs in with the certificate of her browser on the way.
  const browser = await browserWith('person');
  const page = await (await browser.newContext({ locale: 'zh-CN' })).newPage();
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({ response_type: 'code', client_id, redirect_uri: redirect, scope: 'openid profile', state: 's', nonce: 'n',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' });
  await page.goto(`${home}/oauth/authorize?${query}`);
  await page.click('a[href^="/login/certificate"]');
  await page.click('#tls');
  await page.click('form[action="/login/certificate"] button');
  await page.waitForURL(`${home}/login/second**`);
  await page.fill('#password', password);
  await page.click('form[action="/login/second/password"] button');
  // Nobody is at the portal's address: what the browser is sent to is enough.
  const [sent] = await Promise.all([page.waitForRequest((request) => request.url().startsWith(redirect)),
    page.click('button[name=decision][value=grant]')]);
  const code = new URL(sent.url()).searchParams.get('code');
  await browser.close();

  const ask = ['--data-urlencode', 'grant_type=authorization_code', '--data-urlencode', `code=${code}`, '--data-urlencode', `redirect_uri=${redirect}`,
    '--data-urlencode', `code_verifier=${verifier}`, '--data-urlencode', `client_id=${client_id}`];
  assert.equal(curl(endpoints.token_endpoint, null, ...ask).status, 401, 'without a certificate');
  assert.equal(curl(endpoints.token_endpoint, stranger, ...ask).status, 401, 'with a key that nobody registered');
  const got = curl(endpoints.token_endpoint, machine, ...ask);
  assert.equal(got.status, 200, got.body);
  const claims = JSON.parse(Buffer.from(got.json.access_token.split('.')[1], 'base64url'));
  const thumbprint = createHash('sha256').update(new X509Certificate(machine.pem).raw).digest('base64url');
  assert.equal(claims.cnf['x5t#S256'], thumbprint);
  assert.match(claims.acr, /a3$/, 'certificate and password');
  const bearer = ['--header', `Authorization: Bearer ${got.json.access_token}`];
  assert.equal(curl(endpoints.userinfo_endpoint, machine, ...bearer).status, 200);
  for (const [url, shown] of [[endpoints.userinfo_endpoint, null], [endpoints.userinfo_endpoint, stranger], [discovery.userinfo_endpoint, null]]) {
    assert.equal(curl(url, shown, ...bearer).status, 401, `${url} ${shown?.name}`);
  }
});

test('0122: nobody but the proxy tells of a certificate', async () => {
  const header = `Client-Cert: :${new X509Certificate(machine.pem).raw.toString('base64')}:`;
  // HAProxy drops it at both addresses; at the service's own port it is refused.
  for (const url of [`${home}/login/certificate`, `${tls}/login/certificate`]) {
    const answer = curl(url, null, '--header', header, '--header', 'Accept: text/html');
    assert.equal(answer.status, 200);
    assert.ok(!answer.body.includes('CN=machine'));
  }
  const straight = spawnSync('curl', ['--silent', '--output', '/dev/null', '--write-out', '%{http_code}', '--header', header,
    '--header', `Host: localhost:${tlsPort}`, `http://127.0.0.1:${servicePort}/login/certificate`], { encoding: 'utf8' });
  assert.equal(straight.stdout, '400');
  if (root) {
    const whoever = spawnSync('curl', ['--silent', '--unix-socket', at('socket/proxy.sock'), '--header', header, `http://localhost:${tlsPort}/login/certificate`]);
    assert.notEqual(whoever.status, 0, 'root is not the proxy either');
  }
});

await runTests();
