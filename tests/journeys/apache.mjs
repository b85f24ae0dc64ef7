// Debian's libapache2-mod-auth-openidc, unmodified: Apache protects a page, a person in Chromium logs in through it,
// is seen by name, and logs out; a session that ends elsewhere ends here too (back-channel logout).
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { assert, Person, formOf, out, runTests, test, tryThis } from './support.mjs';
import { bringIn, eventually, freePort } from './portals.mjs';

const MODULES = '/usr/lib/apache2/modules';
const PROGRAM = '/usr/sbin/apache2';
for (const file of [PROGRAM, `${MODULES}/mod_auth_openidc.so`]) {
  if (!fs.existsSync(file)) {
    console.log(`FAILED  ${file} is missing. Mend it with: apt-get install apache2 libapache2-mod-auth-openidc`);
    process.exit(1);
  }
}

const port = await freePort();
const site = `http://127.0.0.1:${port}`;
const redirect = `${site}/secure/redirect_uri`;
const { client_id, client_secret } = bringIn({
  redirect_uris: [redirect], post_logout_redirect_uris: [`${site}/bye.html`], scope: 'openid profile',
  backchannel_logout_uri: `${redirect}?logout=backchannel`, backchannel_logout_session_required: true });

const place = fs.mkdtempSync(path.join(os.tmpdir(), 'xinyin-apache-'));
fs.chmodSync(place, 0o755);
fs.mkdirSync(path.join(place, 'htdocs/secure'), { recursive: true });
fs.writeFileSync(path.join(place, 'htdocs/bye.html'), '<p id="bye">bye</p>');
fs.writeFileSync(path.join(place, 'htdocs/secure/index.shtml'),
  '<p id="user"><!--#echo var="REMOTE_USER" --></p><p id="name"><!--#echo var="OIDC_CLAIM_name" --></p>'
  + '<p id="acr"><!--#echo var="OIDC_CLAIM_acr" --></p>');
const loaded = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'mime', 'include', 'filter', 'auth_openidc']
  .map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n');
fs.writeFileSync(path.join(place, 'httpd.conf'), `
ServerRoot "${place}"
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
PidFile "${place}/pid"
ErrorLog "${place}/error.log"
DefaultRuntimeDir "${place}"
Mutex file:${place}
${process.geteuid() === 0 ? 'User www-data\nGroup www-data' : ''}
${loaded}
DocumentRoot "${place}/htdocs"
DirectoryIndex index.shtml
TypesConfig /etc/mime.types
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
AddDefaultCharset utf-8
OIDCProviderMetadataURL ${tryThis.issuer}/.well-known/openid-configuration
OIDCClientID ${client_id}
OIDCClientSecret ${client_secret}
OIDCRedirectURI ${redirect}
OIDCCryptoPassphrase ${randomBytes(16).toString('hex')}
OIDCPKCEMethod S256
OIDCScope "openid profile"
OIDCRemoteUserClaim sub
OIDCCookieSameSite On
<Directory "${place}/htdocs">
  Options +Includes
  Require all granted
</Directory>
<Location "/secure">
  AuthType openid-connect
  Require valid-user
</Location>
`);
if (process.geteuid() === 0) fs.chownSync(place, ...idsOf('www-data'));
function idsOf(user) {
  const line = fs.readFileSync('/etc/passwd', 'utf8').split('\n').find((one) => one.startsWith(`${user}:`));
  return line.split(':').slice(2, 4).map(Number);
}
const apache = spawn(PROGRAM, ['-X', '-f', path.join(place, 'httpd.conf')], { stdio: ['ignore', 'inherit', 'inherit'] });
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
process.on('exit', () => {
  apache.kill('SIGKILL');
  fs.rmSync(place, { recursive: true, force: true });
});
const listening = async () => {
  if (apache.exitCode !== null) throw new Error(`Apache did not start:\n${fs.readFileSync(path.join(place, 'error.log'))}`);
  return (await fetch(`${site}/bye.html`).catch(() => null))?.status === 200;
};
await eventually(listening, 'Apache answers');

/** In a context of its own: to the protected page, through login and consent. */
async function logIn() {
  const context = await browser.newContext({ locale: 'zh-CN' });
  const page = await context.newPage();
  await page.goto(`${site}/secure/`);
  assert.ok(page.url().startsWith(`${tryThis.issuer}/login`), page.url());
  await page.fill('input[name=login_name]', tryThis.username);
  await page.fill('input[name=password]', tryThis.password);
  await page.click('form[action="/login"] button[type=submit]');
  await page.waitForSelector('#user, button[name=decision][value=grant]');
  const grant = page.locator('button[name=decision][value=grant]');
  if (await grant.count()) await grant.click();
  await page.waitForSelector('#user');
  assert.equal(page.url(), `${site}/secure/`);
  return { context, page };
}

test('mod_auth_openidc: REMOTE_USER is the person at this portal, by pairwise sub, with name and acr', async () => {
  const { context, page } = await logIn();
  const user = await page.textContent('#user');
  assert.match(user, /^[A-Za-z0-9_-]{43}/);
  assert.equal(await page.textContent('#name'), tryThis.name);
  assert.match(await page.textContent('#acr'), /^urn:xinyin:acr:p2a1$/);
  await page.screenshot({ path: path.join(out, 'apache.png') });
  await context.close();
  const again = await logIn();
  assert.equal(await again.page.textContent('#user'), user, 'the same person');
  await again.context.close();
});

test('mod_auth_openidc: logging out ends both sessions and comes back', async () => {
  const { context, page } = await logIn();
  await page.goto(`${redirect}?logout=${encodeURIComponent(`${site}/bye.html`)}`);
  await page.waitForSelector('#bye');
  await page.goto(`${site}/secure/`);
  assert.ok(page.url().startsWith(`${tryThis.issuer}/login`), 'the provider asks again');
  await context.close();
});

test('mod_auth_openidc: a session that ends at the provider ends here (back-channel logout)', async () => {
  const { context, page } = await logIn();
  await page.goto(`${tryThis.issuer}/oauth/logout`);
  await page.click('form[action="/logout"] button[type=submit]');
  await eventually(async () => {
    const answer = await context.request.get(`${site}/secure/`, { maxRedirects: 0 });
    return answer.status() === 302;
  }, 'Apache asks for a login again');
  await context.close();
});

await runTests();
