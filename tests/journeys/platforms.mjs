// Accounts of third-party platforms in a real browser. The platforms are oidc-provider (npm), as its makers publish
// it: one takes a secret, one a key. LD/T 01-2020 5.4.1.4c, 6.2.6c.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Provider } from 'oidc-provider';
import { devices } from 'playwright-core';
import { assert, out, runTests, sql, stack, test, tryThis } from './support.mjs';
import { register, visit } from './visit.mjs';

const password = 'kelp lantern orbit thistle';
const secret = 'a platform secret of this journey / with + signs';

const freePort = () => new Promise((resolve) => {
  const probe = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});

const port = await freePort();
const address = `http://localhost:${port}`;

/** oidc-provider with its own pages for login and consent; `client` is us. */
async function platform(id, client) {
  const there = await freePort();
  const issuer = `http://127.0.0.1:${there}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: `xinyin-at-${id}`, redirect_uris: [`${address}/login/platform/${id}/return`], ...client }],
    cookies: { keys: ['a journey'] },
  });
  await new Promise((resolve) => { provider.listen(there, '127.0.0.1', resolve); });
  return {
    id, name_zh: `平台${id}`, name_en: `Platform ${id}`, issuer,
    authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks`,
    client_id: `xinyin-at-${id}`, authorization_response_iss_parameter_supported: true,
  };
}

/** A second instance over the same database, which knows both platforms. */
async function instance() {
  const { uid, gid } = fs.statSync(stack.var);
  const etc = path.join(stack.var, 'etc');
  const keys = await (await fetch(`${tryThis.issuer}/oauth/jwks`)).json();
  const platforms = [
    { ...await platform('secret', { client_secret: secret }), client_secret_file: 'platform-secret' },
    { ...await platform('key', { token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: keys.keys.filter(({ kty }) => kty === 'EC') } }), token_endpoint_auth_method: 'private_key_jwt' },
  ];
  const write = (name, text) => {
    const file = path.join(etc, name);
    fs.writeFileSync(file, text, { mode: 0o600 });
    fs.chownSync(file, uid, gid);
    return file;
  };
  write('platform-secret', secret);
  const listed = write('platforms.json', JSON.stringify(platforms));
  const file = write('platforms.conf', `${fs.readFileSync(path.join(etc, 'xinyind.conf'), 'utf8')
    .replace(/^public_url = .*$/m, `public_url = ${address}`)
    .replace(/^instance = .*$/m, 'instance = platforms')
    .replace(/^http\.port = .*$/m, `http.port = ${port}`)}\nplatforms.file = ${listed}\n`);
  const log = fs.openSync(path.join(out, 'platforms.log'), 'w');
  const child = spawn(path.join(tryThis.programs, 'xinyind'), ['--config', file],
    { stdio: ['ignore', log, log], cwd: '/', ...(process.geteuid() === 0 && uid !== 0 ? { uid, gid } : {}) });
  for (let i = 0; ; ++i) {
    const answer = await fetch(`${address}/health/ready`).catch(() => null);
    if (answer?.status === 200) break;
    assert.ok(i < 300 && child.exitCode === null, 'the instance does not answer; see platforms.log');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return () => child.kill('SIGTERM');
}

const stop = await instance();
const fresh = () => `somebody-${Date.now()}-${Math.floor(Math.random() * 1e6)}`;

/** The platform's own pages: log in as anybody, agree. The browser comes back by itself. */
async function atThePlatform(page, who) {
  await page.waitForURL('http://127.0.0.1:*/interaction/**');
  await page.fill('input[name=login]', who);
  await page.fill('input[name=password]', 'whatever');
  await page.click('button[type=submit]');
  await page.waitForSelector('input[name=prompt][value=consent]', { state: 'attached' });
  await page.click('button[type=submit]');
}

async function logIn(page, loginName, to) {
  await page.goto(to);
  await page.fill('input[name=login_name]', loginName);
  await page.fill('input[name=password]', password);
  await page.click('form[action="/login"] button[type=submit]');
}

const journeys = (body) => async (page, shoot, context) => {
  // The platform's pages ask for a font of somebody else's.
  await context.route('https://fonts.googleapis.com/**', (route) => route.fulfill({ contentType: 'text/css', body: '' }));
  await body(page, shoot, context);
};

const linkLogInUnlink = (id) => journeys(async (page, shoot, context) => {
  const who = fresh();
  const loginName = await register(password);
  await logIn(page, loginName, `${address}/login?return_to=%2Faccount%2Fsecurity`);
  await page.waitForURL('**/account/security');
  await shoot('security');
  await page.click(`form[action="/account/security/platform"]:has(input[value=${id}]) button`);
  await atThePlatform(page, who);
  await page.waitForURL('**/account/security?done=linked');
  await shoot('linked');
  assert.match(await page.textContent('main'), new RegExp(`第三方账户.*平台${id}`, 's'));

  await context.clearCookies();
  await page.goto(`${address}/login?return_to=%2Faccount`);
  await shoot('login');
  await page.click(`form[action="/login/platform/${id}"] button`);
  await atThePlatform(page, who);
  await page.waitForURL('**/account');
  assert.match(await page.textContent('main'), new RegExp(loginName.replaceAll('.', '\\.')));
  await shoot('logged-in');

  await page.goto(`${address}/account/security`);
  await page.click('.factor form[action="/account/security/remove"] button');
  await page.waitForURL('**/account/security?done=removed');
  await context.clearCookies();
  await page.goto(`${address}/login?return_to=%2Faccount`);
  await page.click(`form[action="/login/platform/${id}"] button`);
  await atThePlatform(page, who);
  await page.waitForURL('**/return?**');
  assert.match(await page.textContent('main'), /尚未关联账户/);
  await page.goto(`${address}/account`);
  assert.ok(page.url().includes('/login'), 'nobody is logged in');
});

const nobodyYet = journeys(async (page, shoot, context) => {
  const who = fresh();
  const loginName = await register(password);
  await page.goto(`${address}/login?return_to=%2Faccount`);
  await page.click('form[action="/login/platform/secret"] button');
  await atThePlatform(page, who);
  await page.waitForURL('**/return?**');
  await shoot('nobody');
  await page.click('a[href^="/login?return_to="]');
  await page.fill('input[name=login_name]', loginName);
  await page.fill('input[name=password]', password);
  await page.click('form[action="/login"] button[type=submit]');
  await page.waitForURL('**/account/security/link');
  await shoot('asked');
  assert.match(await page.textContent('main'), new RegExp(loginName.replaceAll('.', '\\.')));
  await page.click('button[value=link]');
  await page.waitForURL('**/account/security?done=linked**');

  // The same account of the platform is nobody else's.
  const other = await register(password);
  await context.clearCookies();
  await logIn(page, other, `${address}/login?return_to=%2Faccount%2Fsecurity`);
  await page.waitForURL('**/account/security');
  await page.click('form[action="/account/security/platform"]:has(input[value=secret]) button');
  await atThePlatform(page, who);
  await page.waitForSelector('[role=alert]');
  assert.match(await page.textContent('main'), /只能关联一人/);
  await shoot('taken');
  // What a member of staff could read of it: which platform, and nothing of who it is there.
  assert.ok(!sql("select string_agg(facts::text, '') from audit.entry where act in ('login.third_party', 'factor.add')").includes(who));
});

const refused = journeys(async (page, shoot, context) => {
  await page.goto(`${address}/login`);
  await page.click('form[action="/login/platform/secret"] button');
  await page.waitForURL('http://127.0.0.1:*/interaction/**');
  await page.click('a[href$="/abort"]');
  await page.waitForSelector('[role=alert]');
  assert.match(await page.textContent('main'), /未同意登录/);
  await shoot('denied');

  // An answer is worth nothing in another browser, and nothing a second time.
  await page.goto(`${address}/login`);
  await page.click('form[action="/login/platform/secret"] button');
  await atThePlatform(page, fresh());
  await page.waitForURL('**/return?**');
  const answer = page.url();
  const thief = await fetch(answer, { headers: { accept: 'text/html' } });
  assert.equal(thief.status, 410, 'another browser');
  assert.match(await thief.text(), /不是从本浏览器发起/);
  // A code of somebody else's try, with this browser's state.
  await context.clearCookies({ domain: '127.0.0.1' });  // the platform asks who it is again
  let asked = '';
  page.on('request', (request) => { if (request.url().includes('/auth?')) asked = request.url(); });
  await page.goto(`${address}/login`);
  await page.click('form[action="/login/platform/secret"] button');
  await page.waitForURL('http://127.0.0.1:*/interaction/**');
  const injected = new URL(answer);
  injected.searchParams.set('state', new URL(asked).searchParams.get('state'));
  await page.goto(injected.href);
  await page.waitForSelector('[role=alert]');
  assert.match(await page.textContent('main'), /未通过校验/);
  await shoot('injected');
  const again = await context.request.get(answer, { headers: { accept: 'text/html' } });
  assert.equal(again.status(), 410, 'spent');
  assert.match(await again.text(), /已完成/);
});

const wide = { viewport: { width: 1100, height: 850 } };
test('5.4.1.4c: link, log in, unlink, on a phone', () => visit('platforms', 'phone', devices['iPhone 13'], true, linkLogInUnlink('secret')));
test('the same at a platform that takes a key, without JavaScript', () => visit('platforms', 'plain', wide, false, linkLogInUnlink('key')));
test('an account that is nobody\'s yet is linked after a login, and to one person alone', () => visit('platforms', 'nobody', wide, true, nobodyYet));
test('who says no there, and answers in other hands', () => visit('platforms', 'refused', wide, true, refused));

process.on('exit', stop);
await runTests();
