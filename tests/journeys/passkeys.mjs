// Passkeys in a real browser with its virtual authenticator: enrolled, used alone, used as the second step, noticed
// when copied. Browsers have none at an address in numbers, so an instance of its own answers at localhost.
// W3C Web Authentication Level 3; LD/T 01-2020 6.2.6.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { devices } from 'playwright-core';
import { assert, out, runTests, stack, test, tryThis } from './support.mjs';
import { register, visit } from './visit.mjs';

const password = 'kelp lantern orbit thistle';
// Where the stack's account may run them: the checkout can be closed to it.
const binaries = tryThis.programs;

const freePort = () => new Promise((resolve) => {
  const probe = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});

/** A second instance over the same database, whose address has a name. */
async function instance() {
  const port = await freePort();
  const address = `http://localhost:${port}`;
  const { uid, gid } = fs.statSync(stack.var);
  const etc = path.join(stack.var, 'etc');
  const file = path.join(etc, 'passkeys.conf');
  fs.writeFileSync(file, fs.readFileSync(path.join(etc, 'xinyind.conf'), 'utf8')
    .replace(/^public_url = .*$/m, `public_url = ${address}`)
    .replace(/^instance = .*$/m, 'instance = passkeys')
    .replace(/^http\.port = .*$/m, `http.port = ${port}`));
  fs.chownSync(file, uid, gid);
  const log = fs.openSync(path.join(out, 'passkeys.log'), 'w');
  const child = spawn(path.join(binaries, 'xinyind'), ['--config', file],
    { stdio: ['ignore', log, log], cwd: '/', ...(process.geteuid() === 0 && uid !== 0 ? { uid, gid } : {}) });
  for (let i = 0; ; ++i) {
    const answer = await fetch(`${address}/health/ready`).catch(() => null);
    if (answer?.status === 200) break;
    assert.ok(i < 300 && child.exitCode === null, 'the instance does not answer; see passkeys.log');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { address, stop: () => child.kill('SIGTERM') };
}

const served = await instance();

async function logIn(page, loginName, to) {
  await page.goto(to);
  await page.fill('input[name=login_name]', loginName);
  await page.fill('input[name=password]', password);
  await page.click('form[action="/login"] button[type=submit]');
}

async function authenticator(page, verifies) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options: {
    protocol: 'ctap2', transport: verifies ? 'internal' : 'usb', hasResidentKey: verifies, hasUserVerification: verifies,
    isUserVerified: verifies, automaticPresenceSimulation: true } });
  return { cdp, authenticatorId };
}

async function enrol(page, shoot) {
  await page.waitForURL('**/account/security');
  await page.fill('#passkey-label', '测试通行密钥');
  await page.click('form[action="/account/security/passkey"] button');
  await page.waitForSelector('#passkey-start');
  await shoot('asked-to-add');
  await page.click('#passkey-start');
  await page.waitForURL('**/account/security?done=added');
  assert.match(await page.textContent('main'), /测试通行密钥/);
  await shoot('added');
}

async function alone(page, shoot) {
  const loginName = await register(password);
  const { cdp, authenticatorId } = await authenticator(page, true);
  await logIn(page, loginName, `${served.address}/account/security`);
  await enrol(page, shoot);

  const again = async () => {
    await page.context().clearCookies();
    await page.goto(`${served.address}/login?return_to=%2Faccount`);
    await shoot('login');
    await page.click('form[action="/login/passkey"] button');
    await shoot('asked');
    await page.click('#passkey-start');
  };
  await again();
  await page.waitForURL('**/account');
  assert.match(await page.textContent('main'), new RegExp(loginName.replaceAll('.', '\\.')));

  // A copy: its counter stands where the original's stood before.
  const { credentials: [credential] } = await cdp.send('WebAuthn.getCredentials', { authenticatorId });
  await cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId: credential.credentialId });
  await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credential, signCount: 1 } });
  await again();
  await page.waitForSelector('[role=alert]');
  assert.match(await page.textContent('main'), /可能已被复制/);
  await shoot('copied');
  await again();
  await page.waitForSelector('[role=alert]');
  assert.match(await page.textContent('main'), /已停用/);
}

async function second(page, shoot) {
  const loginName = await register(password);
  await authenticator(page, false);
  await logIn(page, loginName, `${served.address}/account/security`);
  await enrol(page, shoot);
  await page.context().clearCookies();
  await logIn(page, loginName, `${served.address}/account`);
  await page.waitForURL('**/login/second**');
  await shoot('second-step');
  await page.click('form[action="/login/second/passkey"] button');
  await page.click('#passkey-start');
  await page.waitForURL('**/account');
}

async function withoutScript(page, shoot) {
  await page.goto(`${served.address}/login`);
  await page.click('form[action="/login/passkey"] button');
  assert.match(await page.textContent('main'), /需要开启 JavaScript/);
  await shoot('no-script');
}

const wide = { viewport: { width: 1100, height: 850 } };
test('6.2.6: a passkey alone, and a copy of it, on a phone', () => visit('passkeys', 'phone', devices['iPhone 13'], true, alone));
test('a passkey alone, on a desktop', () => visit('passkeys', 'desktop', wide, true, alone));
test('a security key as the second step', () => visit('passkeys', 'second', wide, true, second));
test('without JavaScript the page says what is needed', () => visit('passkeys', 'plain', wide, false, withoutScript));

process.on('exit', served.stop);
await runTests();
