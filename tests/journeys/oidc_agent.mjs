// Debian's oidc-agent, unmodified: it gets tokens for a person by the authorization code flow and by the device flow,
// keeps the refresh token, and refreshes.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { assert, Person, formOf, runTests, test, tryThis } from './support.mjs';
import { bringIn, eventually, freePort } from './portals.mjs';

for (const program of ['/usr/bin/oidc-agent', '/usr/bin/oidc-gen']) {
  if (!fs.existsSync(program)) {
    console.log(`FAILED  ${program} is missing. Mend it with: apt-get install oidc-agent-cli`);
    process.exit(1);
  }
}

const place = fs.mkdtempSync(path.join(os.tmpdir(), 'xinyin-oidc-'));
fs.chmodSync(place, 0o700);
const socket = path.join(place, 'agent.sock');
fs.writeFileSync(path.join(place, 'password'), 'a password of the agent\n', { mode: 0o600 });
fs.writeFileSync(path.join(place, 'issuer.config'), `${tryThis.issuer}\n`);
const environment = { PATH: '/usr/bin:/bin', HOME: place, LC_ALL: 'C.UTF-8', OIDC_CONFIG_DIR: place, OIDC_SOCK: socket };
const agent = spawn('oidc-agent', ['--console', `--socket-path=${socket}`, '--no-autoreauthenticate'],
  { env: environment, stdio: ['ignore', 'ignore', 'pipe'] });
let told = '';
agent.stderr.on('data', (piece) => { told += piece; });
process.on('exit', () => {
  agent.kill('SIGKILL');
  fs.rmSync(place, { recursive: true, force: true });
});
await eventually(() => fs.existsSync(socket), 'oidc-agent listens');

/** oidc-gen, which waits while a person does what it says; `see` looks at what it printed. */
function generate(name, client, more, see) {
  return new Promise((resolve, reject) => {
    const child = spawn('oidc-gen', [`--issuer=${tryThis.issuer}`, `--client-id=${client.client_id}`,
      `--client-secret=${client.client_secret ?? ''}`, '--scope=openid profile offline_access', '--prompt=none',
      '--no-url-call', '--no-scheme', `--pw-file=${path.join(place, 'password')}`, '--confirm-default', ...more, name],
    { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '', seen = false;
    const look = (piece) => {
      text += piece;
      if (!seen) seen = see(text, reject);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.on('exit', (code) => (code === 0 && seen ? resolve(text)
      : reject(new Error(`oidc-gen: exit ${code}\n${text}\nagent: ${told.slice(-3000)}`))));
  });
}

function token(name, ...more) {
  const ran = spawnSync('oidc-token', [...more, name], { env: environment, encoding: 'utf8', timeout: 30_000 });
  assert.equal(ran.status, 0, `${ran.stderr}\nagent: ${told.slice(-3000)}`);
  return ran.stdout.trim();
}

async function works(name) {
  const first = token(name);
  const claims = JSON.parse(Buffer.from(first.split('.')[1], 'base64url'));
  assert.equal(claims.iss, tryThis.issuer);
  const info = await fetch(`${tryThis.issuer}/oauth/userinfo`, { headers: { authorization: `Bearer ${first}` } });
  assert.equal(info.status, 200);
  assert.equal((await info.json()).name, tryThis.name);
  // One that must live for longer than any does: refreshed each time.
  const second = token(name, '--time=3000'), third = token(name, '--time=3000');
  assert.notEqual(second, first);
  assert.notEqual(third, second);
  const after = await fetch(`${tryThis.issuer}/oauth/userinfo`, { headers: { authorization: `Bearer ${third}` } });
  assert.equal(after.status, 200, 'the refreshed token works');
}

test('oidc-agent: tokens by the authorization code flow, refreshed', async () => {
  const redirect = `http://localhost:${await freePort()}`;
  const client = bringIn({ redirect_uris: [redirect], scope: 'openid profile offline_access',
    grant_types: ['authorization_code', 'refresh_token'] });
  await generate('code', client, ['--flow=code', `--redirect-uri=${redirect}`], (text, reject) => {
    const url = /(http:\/\/127\.0\.0\.1:\d+\/oauth\/authorize\?\S+)/.exec(text)?.[1];
    if (!url) return false;
    new Person(tryThis.issuer).authorize(url, redirect)
      .then(({ location, body }) => {
        assert.ok(location, `no redirect back: ${body}`);
        return fetch(location);
      }).catch(reject);
    return true;
  });
  await works('code');
});

test('oidc-agent: tokens by the device flow, refreshed', async () => {
  const client = bringIn({ scope: 'openid profile offline_access',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'] });
  await generate('device', client, ['--flow=device', `--device-authorization-endpoint=${tryThis.issuer}/oauth/device_authorization`],
    (text, reject) => {
      const code = /\b([B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4})\b/.exec(text)?.[1];
      if (!code) return false;
      approve(code).catch(reject);
      return true;
    });
  await works('device');
});

async function approve(code) {
  const person = new Person(tryThis.issuer);
  let { body } = await person.authorize(`${tryThis.issuer}/device?user_code=${code}`, 'http://nowhere.invalid/');
  for (const more of [{}, { decision: 'grant' }]) {
    const form = formOf(body);
    assert.equal(form?.fields.user_code, code, body);
    const answer = await person.send(new URL(form.action, tryThis.issuer).href, { ...form.fields, ...more });
    assert.equal(answer.status, 200);
    body = await answer.text();
  }
}

await runTests();
