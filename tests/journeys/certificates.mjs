// A certificate of an admitted body in a real browser: bound and shown at a login, signed by openssl(1) from a file
// and by tools/xinyin-sign in a SoftHSM token; revoked by its body, and refused. LD/T 01-2020 5.4.1.3b, 6.2.6d.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { devices } from 'playwright-core';
import { assert, runTests, test, tryThis } from './support.mjs';
import { freshCitizen, register, visit } from './visit.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const password = 'kelp lantern orbit thistle';
const security = `${tryThis.issuer}/account/security`;
const pin = '246810';

/** A certificate of the demonstration's body, and its key, in files of a directory of their own. */
async function certificate(number) {
  const at = fs.mkdtempSync(path.join(os.tmpdir(), 'xinyin-certificate-'));
  process.on('exit', () => fs.rmSync(at, { recursive: true, force: true }));
  const answer = await fetch(`${tryThis.body_url}/certificates`,
    { method: 'POST', body: new URLSearchParams({ name: '李小明', number }) });
  assert.equal(answer.status, 200);
  const parts = (await answer.text()).match(/-----BEGIN [\s\S]*?-----END [A-Z ]+-----\n/g);
  fs.writeFileSync(path.join(at, 'cert.pem'), parts[0]);
  fs.writeFileSync(path.join(at, 'key.pem'), parts[1], { mode: 0o600 });
  return at;
}

/** By openssl and a file, as the page says. */
function signByFile(at) {
  execFileSync('openssl', ['cms', '-sign', '-binary', '-nodetach', '-md', 'sha256', '-in', 'challenge.txt', '-signer', 'cert.pem',
    '-inkey', 'key.pem', '-outform', 'PEM', '-out', 'answer.pem'], { cwd: at });
}

/** The key moves into a token; what signs with it from then on. */
function intoToken(at) {
  const module = '/usr/lib/softhsm/libsofthsm2.so';
  const env = { ...process.env, SOFTHSM2_CONF: path.join(at, 'softhsm.conf') };
  fs.mkdirSync(path.join(at, 'tokens'));
  fs.writeFileSync(env.SOFTHSM2_CONF, `directories.tokendir = ${at}/tokens\nobjectstore.backend = file\n`);
  fs.writeFileSync(path.join(at, 'pin'), `${pin}\n`, { mode: 0o600 });
  const run = (program, ...words) => execFileSync(program, words, { cwd: at, env, stdio: ['ignore', 'pipe', 'pipe'] });
  run('softhsm2-util', '--init-token', '--free', '--label', 'card', '--so-pin', '135791', '--pin', pin);
  run('openssl', 'pkcs8', '-topk8', '-nocrypt', '-in', 'key.pem', '-out', 'key.p8');
  run('softhsm2-util', '--import', 'key.p8', '--token', 'card', '--label', 'login', '--id', '01', '--pin', pin);
  run('openssl', 'x509', '-in', 'cert.pem', '-outform', 'DER', '-out', 'cert.der');
  run('pkcs11-tool', '--module', module, '--login', '--pin', pin, '--write-object', 'cert.der', '--type', 'cert', '--label', 'login', '--id', '01');
  for (const file of ['key.pem', 'key.p8']) fs.rmSync(path.join(at, file));
  return () => fs.writeFileSync(path.join(at, 'answer.pem'), run(path.join(here, '../../tools/xinyin-sign'),
    '--module', module, '--label', 'login', '--pin-file', 'pin', '--yes', 'challenge.txt'));
}

async function logIn(page, loginName, to) {
  await page.context().clearCookies();
  await page.goto(`${tryThis.issuer}/login?return_to=${encodeURIComponent(to)}`);
  await page.fill('input[name=login_name]', loginName);
  await page.fill('input[name=password]', password);
  await page.click('form[action="/login"] button[type=submit]');
}

/** Keeps the page's text, has it signed, hands the file in. */
async function answer(page, at, sign) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#file')]);
  await download.saveAs(path.join(at, 'challenge.txt'));
  assert.equal(fs.readFileSync(path.join(at, 'challenge.txt'), 'utf8'), await page.textContent('#text'));
  sign();
  await page.setInputFiles('#answer-file', path.join(at, 'answer.pem'));
  await Promise.all([page.waitForNavigation(), page.click('form[enctype] button')]);
}

async function journey(page, shoot) {
  const number = freshCitizen();
  const loginName = await register(password, number);
  const at = await certificate(number);
  await logIn(page, loginName, '/account/security');
  await page.waitForURL('**/account/security');
  await page.click('#bind-certificate');
  await page.waitForSelector('#text');
  await shoot('bind');
  await answer(page, at, () => signByFile(at));
  await page.waitForURL('**/account/security?done=added**');
  assert.match(await page.textContent('main'), /演示电子认证公司/);
  await shoot('bound');
  // Bound by a certificate of his own name and number: proven too (5.4.1.5).
  await page.goto(`${tryThis.issuer}/account/proofing`);
  assert.match(await page.textContent('main'), /P3/);
  await shoot('proven');

  // The certificate first, by a token; then the password.
  const signByToken = intoToken(at);
  await page.context().clearCookies();
  await page.goto(`${tryThis.issuer}/login?return_to=/account`);
  await page.click('a[href^="/login/certificate"]');
  await shoot('login');
  await answer(page, at, signByToken);
  await page.waitForURL('**/login/second**');
  await shoot('password-behind');
  await page.fill('#password', password);
  await page.click('form[action="/login/second/password"] button');
  await page.waitForURL('**/account');

  // The password first, then the certificate, pasted.
  await logIn(page, loginName, '/account');
  await page.waitForURL('**/login/second**');
  await page.click('#certificate');
  await page.waitForSelector('#text');
  fs.writeFileSync(path.join(at, 'challenge.txt'), await page.textContent('#text'));
  signByToken();
  const signed = fs.readFileSync(path.join(at, 'answer.pem'), 'utf8');
  await page.fill('#answer', signed);
  await page.click('form[enctype] button');
  await page.waitForURL('**/account');

  // Spent: once more the same gives a refusal and another text.
  await logIn(page, loginName, '/account');
  await page.click('#certificate');
  const text = await page.textContent('#text');
  await page.fill('#answer', signed);
  await page.click('form[enctype] button');
  await page.waitForSelector('[role=alert]');
  await shoot('refused');
  assert.notEqual(await page.textContent('#text'), text);

  // Its body revokes it, publishes, and the service takes the list up by itself.
  const revoked = await fetch(`${tryThis.body_url}/revoke`,
    { method: 'POST', body: new URLSearchParams({ certificate: fs.readFileSync(path.join(at, 'cert.pem'), 'utf8') }) });
  assert.equal(revoked.status, 200);
  for (let tries = 0; ; ++tries) {
    await answer(page, at, signByToken);
    if (await page.locator('[role=alert]').count() > 0) break;
    assert.ok(tries < 50, 'a revoked certificate is refused within some turns');
    await logIn(page, loginName, '/account');
    await page.click('#certificate');
    await page.waitForSelector('#text');
  }
  await shoot('revoked');
  await page.goto(`${tryThis.issuer}/account`);
  assert.ok(page.url().includes('/login'), 'the password alone opens nothing');
}

test('6.2.6d: bind, log in by file and by token, be revoked, on a desktop', () =>
  visit('certificates', 'desktop', { viewport: { width: 1280, height: 900 }, acceptDownloads: true }, true, journey));
test('the same on a phone', () =>
  visit('certificates', 'phone', { ...devices['iPhone 13'], acceptDownloads: true }, true, journey));
test('the same without JavaScript', () =>
  visit('certificates', 'plain', { viewport: { width: 1024, height: 800 }, acceptDownloads: true }, false, journey));

await runTests();
