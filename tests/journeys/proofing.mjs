// 实名核验 and 授权代办 in a real browser: somebody who registered proves his identity up to P2 and obtains what
// needs it; a unit's handler obtains the unit's document, which says on whose behalf. LD/T 01-2020 5.4.1.5, 6.2.2d.
// On a phone and on a desktop, without JavaScript too. Pictures of every page are kept for people to look at.
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { devices } from 'playwright-core';
import { assert, out, runTests, sql, test, tryThis } from './support.mjs';
import { freshCitizen, visit } from './visit.mjs';

const password = 'kelp lantern orbit thistle';
const phone = devices['iPhone 13'];
const desktop = { viewport: { width: 1280, height: 900 } };

/** Registers by the JSON of programs; the login name. */
async function register() {
  const send = async (where, body) => {
    const answer = await fetch(`${tryThis.issuer}${where}`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
    });
    assert.ok(answer.status < 300, `${where}: ${answer.status} ${await answer.clone().text()}`);
    return answer.json();
  };
  const { reference } = await send('/v1/registrations', { kind: 'person' });
  await send(`/v1/registrations/${reference}`, { fields: {
    name: '阿依古丽·买买提', id_type: 'cn-id', id_number: freshCitizen(), card_number: 'A12345678', mobile: '13800138000',
  } });
  const accept = [];
  for (const kind of ['service', 'privacy']) {
    const { version, sha256 } = await (await fetch(`${tryThis.issuer}/v1/agreements/${kind}`)).json();
    accept.push({ kind, version, sha256 });
  }
  const login = `proof.${Date.now()}`;
  await send(`/v1/registrations/${reference}/complete`, { login_name: login, password, accept });
  return login;
}

async function logIn(page, to, name, secret) {
  await page.goto(`${tryThis.issuer}/login?return_to=${encodeURIComponent(to)}`);
  await page.fill('input[name=login_name]', name);
  await page.fill('input[name=password]', secret);
  await page.click('form[action="/login"] button[type=submit]');
}

/** An authorization request of the scripts' client; what its redirect brings is caught. */
function request(more = {}) {
  const verifier = randomBytes(32).toString('base64url');
  const url = new URL(`${tryThis.issuer}/oauth/authorize`);
  url.search = new URLSearchParams({
    response_type: 'code', client_id: tryThis.client_id, redirect_uri: tryThis.redirect_uri, state: 's',
    scope: 'openid profile documents', code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256', ...more,
  });
  return { verifier, url: url.href };
}

/** Where the browser ended up: nothing of the portal's listens there, the address is what counts. */
const catchRedirect = (page) => () => new URL(page.url());

async function tokens(code, verifier) {
  const answer = await fetch(`${tryThis.issuer}/oauth/token`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from(`${tryThis.client_id}:${tryThis.client_secret}`).toString('base64')}`,
    },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: tryThis.redirect_uri, code_verifier: verifier }),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}

const issue = (token, key) => fetch(`${tryThis.issuer}/v1/documents/enrolment-certificate`, {
  method: 'POST',
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': key },
  body: '{}',
});

const acr = 'urn:xinyin:acr:p2a1';
const essential = JSON.stringify({ id_token: { acr: { essential: true, value: acr } } });

async function proveUpToP2(kind, page, shoot) {
  const login = await register();
  const back = catchRedirect(page);
  const { verifier, url } = request({ claims: essential });
  await page.goto(url);
  await page.fill('input[name=login_name]', login);
  await page.fill('input[name=password]', password);
  await page.click('form[action="/login"] button[type=submit]');
  await page.waitForURL('**/account/proofing?**');
  await shoot('asked-for-p2');
  const first = await page.textContent('main');
  assert.match(first, /simulator/);
  assert.match(first, /该事项要求实名等级/);
  await page.click('#way-two-factor summary');
  await page.click('#way-two-factor button');
  await page.waitForSelector('.notice.good');
  assert.match(await page.textContent('main'), /P1 · 初级/);
  await shoot('p1');
  await page.click('#way-three-factor summary');
  await page.fill('#three-factor-phone', '13900139000');
  await page.click('#way-three-factor button');
  await page.waitForSelector('.notice.warn');
  await shoot('mismatch');
  assert.match(await page.textContent('main'), /不提示是哪一项/);
  await page.fill('#three-factor-phone', '13800138000');
  await page.click('#way-three-factor button');
  await page.waitForSelector('.notice.good');
  assert.match(await page.textContent('main'), /P2 · 中级/);
  await shoot('p2');
  await page.click('a.button:has-text("继续办理")');
  await page.click('button[name=decision][value=grant]');
  await page.waitForURL(`${tryThis.redirect_uri}**`);
  const told = await tokens(back().searchParams.get('code'), verifier);
  const claims = JSON.parse(Buffer.from(told.id_token.split('.')[1], 'base64url'));
  assert.equal(claims.acr, acr);
  // The core system knows this person too.
  const subject = sql(`select subject_id from auth.account where login_name = '${login}'`).trim();
  sql(`insert into services.insured (subject_id, personal_number, region) values ('${subject}', '9${Date.now()}', '示范省示范市');
       insert into services.enrolment (subject_id, insurance, status, since, months) values ('${subject}', 'pension', 'active', '2020-01-01', 60)`);
  const issued = await issue(told.access_token, `proof-${kind}-${Date.now()}`);
  assert.equal(issued.status, 201, await issued.clone().text());
}

test('5.4.1.5: on a phone, sent to proofing by a portal, proven up to P2, and back to obtain what needs it', () =>
  visit('proofing', 'phone', phone, true, (page, shoot) => proveUpToP2('phone', page, shoot)));

test('the same on a desktop without JavaScript', () =>
  visit('proofing', 'plain', desktop, false, (page, shoot) => proveUpToP2('plain', page, shoot)));

test('6.2.6b: face at its own page with a consent of its own; the card by a code to scan', () =>
  visit('proofing', 'desktop', desktop, true, async (page, shoot) => {
    await logIn(page, '/account/proofing', await register(), password);
    await page.click('#way-face summary');
    await shoot('face-consent');
    await page.click('#way-face button[value=give]');
    await page.click('#way-face button.primary');
    await shoot('face-visit');
    await page.click('a.button[rel=noreferrer]');
    await page.click('button[value=not_live]');
    await page.waitForURL('**/account/proofing/return?**');
    assert.match(await page.textContent('main'), /活体检测未通过/);
    await shoot('face-not-live');
    await page.click('#way-social-card summary');
    await page.click('#way-social-card button');
    assert.ok(await page.isVisible('svg.qr'));
    await shoot('card-visit');
    await page.click('a.button[rel=noreferrer]');
    await page.click('button[value=matches]');
    await page.waitForURL('**/account/proofing/return?**');
    assert.match(await page.textContent('main'), /P2 · 中级/);
    await shoot('card-proven');
  }));

/** 网证: voluntary, and whoever showed it is asked for his number by no page on the way to a service. */
async function proveByNetworkIdentity(kind, page, shoot) {
  const login = await register();
  const back = catchRedirect(page);
  const { verifier, url } = request({ claims: essential });
  await page.goto(url);
  await page.fill('input[name=login_name]', login);
  await page.fill('input[name=password]', password);
  await page.click('form[action="/login"] button[type=submit]');
  await page.waitForURL('**/account/proofing?**');
  await page.click('#way-network-id summary');
  assert.match(await page.textContent('#way-network-id'), /自愿使用/);
  assert.ok(await page.isVisible('#way-three-factor summary'), 'other ways stay open');
  await shoot('network-id');
  await page.click('#way-network-id button');
  assert.ok(await page.isVisible('svg.qr'));
  await shoot('network-id-visit');
  const simulated = await page.getAttribute('a.button[rel=noreferrer]', 'href');
  assert.match(simulated, /network-id/);
  // Broken off at the telephone first: nothing is gained, and it can be begun anew.
  await page.goto(simulated);
  await page.click('button[value=not_finished]');
  await page.waitForURL('**/account/proofing/return?**');
  assert.doesNotMatch(await page.textContent('main'), /P2 · 中级/);
  await shoot('network-id-broken-off');
  await page.goto(url);
  await page.waitForURL('**/account/proofing?**');
  await page.click('#way-network-id summary');
  await page.click('#way-network-id button');
  await page.goto(await page.getAttribute('a.button[rel=noreferrer]', 'href'));
  await page.click('button[value=matches]');
  await page.waitForURL('**/account/proofing/return?**');
  assert.match(await page.textContent('main'), /P2 · 中级/);
  assert.equal(await page.locator('input[name=id_number]').count(), 0);
  await shoot('network-id-proven');
  await page.click('a.button:has-text("继续办理")');
  assert.equal(await page.locator('input[name=id_number]').count(), 0, 'nor on the way on');
  await page.click('button[name=decision][value=grant]');
  await page.waitForURL(`${tryThis.redirect_uri}**`);
  const told = await tokens(back().searchParams.get('code'), verifier);
  assert.equal(JSON.parse(Buffer.from(told.id_token.split('.')[1], 'base64url')).acr, acr);
  const subject = sql(`select subject_id from auth.account where login_name = '${login}'`).trim();
  assert.equal(sql(`select string_agg(method || ' ' || outcome, ',' order by at) from auth.proofing where subject_id = '${subject}'`).trim(),
    'network-id not_finished,network-id matches', kind);
}

test('6.2.6f: by the national network identity, on a phone', () =>
  visit('proofing', 'network-id-phone', phone, true, (page, shoot) => proveByNetworkIdentity('phone', page, shoot)));

test('the same on a desktop without JavaScript', () =>
  visit('proofing', 'network-id-plain', desktop, false, (page, shoot) => proveByNetworkIdentity('plain', page, shoot)));

test('6.2.2d: a unit authorises its handler, who obtains its document until the mandate ends', () =>
  visit('proofing', 'unit', phone, true, async (page, shoot) => {
    await logIn(page, '/account/mandates', tryThis.unit_username, tryThis.unit_password);
    await page.click('details summary');
    await shoot('offer');
    await page.fill('#mandate-name', tryThis.name);
    await page.selectOption('#mandate-id_type', 'cn-id');
    await page.fill('#mandate-id_number', tryThis.id_number);
    await page.check('input[name="item.enrolment-certificate"]');
    await page.fill('#mandate-until', new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10));
    await page.click('form[action="/account/mandates"] button');
    await page.waitForSelector('.notice.good');
    await shoot('offered');

    await visit('proofing', 'handler', desktop, true, async (own, shootOwn) => {
      const back = catchRedirect(own);
      await logIn(own, '/account/mandates', tryThis.username, tryThis.password);
      await shootOwn('received');
      await own.click('button[value=accept]');
      await own.waitForSelector('form[action="/account/mandates/choose"]');
      await shootOwn('accepted');
      const { verifier, url } = request({ acting_for: 'choose' });
      await own.goto(url);
      await own.check('label:has-text("代为办理") input');
      await shootOwn('consent');
      await own.click('button[name=decision][value=grant]');
      await own.waitForURL(`${tryThis.redirect_uri}**`);
      const told = await tokens(back().searchParams.get('code'), verifier);
      const claims = JSON.parse(Buffer.from(told.id_token.split('.')[1], 'base64url'));
      assert.ok(claims.acting_for?.mandate, 'the token says for whom');
      const issued = await issue(told.access_token, `behalf-${Date.now()}`);
      assert.equal(issued.status, 201, await issued.clone().text());
      const { id, kind } = await issued.json();
      assert.equal(kind, 'unit-enrolment-certificate');
      const file = path.join(out, 'on-behalf.pdf');
      const got = await fetch(`${tryThis.issuer}/v1/documents/${id}`, { headers: { authorization: `Bearer ${told.access_token}` } });
      fs.writeFileSync(file, Buffer.from(await got.arrayBuffer()));
      const text = execFileSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' });
      assert.match(text.replace(/\s/g, ''), new RegExp(`${tryThis.name}代办`));

      await page.goto(`${tryThis.issuer}/account/mandates`);
      await page.click('form[action="/account/mandates/answer"] button[value=end]');
      await page.waitForSelector('.notice.good');
      await shoot('ended');
      const after = await issue(told.access_token, `behalf-${Date.now()}`);
      assert.equal(after.status, 401, 'at the next call');
    });
  }));

await runTests();
