// Two members of staff at their console, each in a real browser, and a citizen whom it concerns. LD/T 01-2020
// 6.2.5a–e, 6.1.2e: four eyes on a document and on a portal, a lock that bites at once and ends by itself.
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { devices } from 'playwright-core';
import { portal, put, staff as demoStaff, xinyin } from './portals.mjs';
import { assert, Person, runTests, sql, test, tryThis } from './support.mjs';
import { browser, freshCitizen, register, visit } from './visit.mjs';

const password = 'kelp lantern orbit thistle';
const at = (address) => new URL(address, tryThis.issuer).href;
const totp = (secret) => execFileSync('oathtool', ['--totp', '--base32', secret], { encoding: 'utf8' }).trim();

async function logIn(page, loginName, to, word = password) {
  await page.goto(at(to));
  await page.fill('input[name=login_name]', loginName);
  await page.fill('input[name=password]', word);
  await page.click('form[action="/login"] button[type=submit]');
}

/** Somebody new, named by the installation's owner, as anybody becomes staff. */
async function newStaff() {
  const login = await register(password);
  const named = xinyin('staff', 'name', login);
  assert.equal(named.exit, 0, JSON.stringify(named.said));
  return { login, subject: named.data.subject };
}

/** Logs in; sent to add the second factor first, the ordinary way; then at the desk. */
async function toTheDesk(page, login, shoot = async () => {}) {
  await logIn(page, login, '/staff');
  await page.waitForURL('**/account/security?done=staff**');
  await shoot('sent-for-a-second-factor');
  await page.click('form[action="/account/security/totp"] button');
  await page.waitForSelector('svg.qr');
  const secret = (await page.textContent('#totp code.address')).trim();
  await page.fill('#totp-code', totp(secret));
  await page.click('form[action="/account/security/totp/confirm"] button');
  await page.waitForURL('**/account/security?done=added**');
  await page.click('a[href="/staff"]');
  await page.waitForURL('**/staff');
  await shoot('desk');
}

async function secondBrowser(kind, options, javaScriptEnabled) {
  const context = await browser.newContext({ ...options, locale: 'zh-CN', javaScriptEnabled });
  return context.newPage();
}

/** An access token of this person, by the code flow. */
async function tokenOf(loginName) {
  const verifier = randomBytes(32).toString('base64url');
  const url = new URL('/oauth/authorize', tryThis.issuer);
  url.search = new URLSearchParams({ response_type: 'code', client_id: tryThis.client_id, redirect_uri: tryThis.redirect_uri,
    scope: 'openid profile', state: 's', nonce: 'n', code_challenge_method: 'S256',
    code_challenge: createHash('sha256').update(verifier).digest('base64url') });
  const { location, body } = await new Person(tryThis.issuer).authorize(url.href, tryThis.redirect_uri, { username: loginName, password });
  assert.ok(location, `no redirect back: ${body}`);
  const answer = await fetch(at('/oauth/token'), { method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${tryThis.client_id}:${tryThis.client_secret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'authorization_code', code: location.searchParams.get('code'),
      redirect_uri: tryThis.redirect_uri, code_verifier: verifier }).toString() });
  assert.equal(answer.status, 200);
  return (await answer.json()).access_token;
}

const userinfo = async (token) =>
  (await fetch(at('/oauth/userinfo'), { headers: { authorization: `Bearer ${token}` } })).status;

async function find(page, loginName) {
  await page.goto(at('/staff'));
  await page.focus('#login_name');  // by keyboard alone
  await page.keyboard.type(loginName);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/staff/people/*');
}

async function consoleJourney(kind, options, javaScriptEnabled) {
  await visit('staff', kind, options, javaScriptEnabled, async (one, shoot) => {
    const [first, second] = [await newStaff(), await newStaff()];
    const citizen = await register(password);
    const two = await secondBrowser(kind, options, javaScriptEnabled);
    const his = await secondBrowser(kind, options, javaScriptEnabled);

    // Who is no staff finds nothing there.
    await logIn(his, citizen, '/account');
    await his.waitForURL('**/account');
    for (const page of ['/staff', '/staff/requests', '/staff/portals', '/staff/trail', `/staff/people/${first.subject}`]) {
      assert.equal((await his.goto(at(page))).status(), 404, page);
    }

    await toTheDesk(one, first.login, shoot);
    await toTheDesk(two, second.login);

    // A changed document: asked for by one, decided by the other.
    await find(one, citizen);
    await shoot('person');
    const person = one.url();
    const number = freshCitizen();
    await one.click('details:has(#id_number) summary');
    await one.selectOption('#id_type', 'cn-id');
    await one.fill('#id_number', number);
    await one.click('form:has(#id_number) button');
    await one.waitForURL('**/staff/people/*?done=asked');
    await one.goto(at('/staff/requests'));
    await shoot('requests');
    const subject = person.split('/').at(-1);
    await one.click(`tr:has(a[href="/staff/people/${subject}"]) a[href^="/staff/requests/"]`);
    await one.waitForURL('**/staff/requests/*');
    const request = one.url();
    assert.ok((await one.textContent('main')).includes(number), 'what is compared with the paper is whole');
    await shoot('request');
    await one.click('button[value=approve]');
    await one.waitForSelector('[role=alert]');
    assert.match(await one.textContent('[role=alert]'), /不能审批自己提出的/);
    await shoot('not-ones-own');
    await two.goto(request);
    await two.fill('#reason', '已核对原件');
    await two.click('button[value=approve]');
    await two.waitForURL('**/staff/requests?done=approved');
    await one.goto(person);
    const shown = await one.textContent('main');
    assert.ok(!shown.includes(number) && shown.includes(number.slice(14)), 'shown in part');
    await shoot('document-changed');

    // A lock with an end bites a live session and a live token.
    const token = await tokenOf(citizen);
    assert.equal(await userinfo(token), 200);
    assert.equal((await his.goto(at('/account'))).status(), 200);
    await one.fill('#lock-reason', '本人挂失');
    await one.fill('#lock-until', '2099-12-31');
    await one.click('form[action$="/lock"] button');
    await one.waitForURL('**/staff/people/*?done=locked');
    await shoot('locked');
    assert.equal(await userinfo(token), 401);
    await his.goto(at('/account'));
    await his.waitForURL('**/login**');
    await logIn(his, citizen, '/login', 'not the password');
    assert.doesNotMatch(await his.textContent('[role=alert]'), /锁定/);
    await logIn(his, citizen, '/login');
    assert.match(await his.textContent('[role=alert]'), /锁定.*2100-01-01.*12333/s);
    const seen = xinyin('person', 'show', subject, '--as', demoStaff[0].login, '--password-file', demoStaff[0].file);
    assert.equal(seen.data.lock_reason, '本人挂失', JSON.stringify(seen.said));
    assert.equal((await fetch(tryThis.sample_verify_address)).status, 200, 'documents are judged as before');
    // Its end comes, and nobody has to do anything.
    sql(`update auth.subject set locked_until = now() - interval '1 second' where id = '${subject}'`);
    await logIn(his, citizen, '/login?return_to=/account');
    await his.waitForURL('**/account');
    assert.equal(await userinfo(token), 401, 'what ended stays ended');

    // A new password: a code, shown once, that the person uses himself.
    await one.goto(person);
    await one.click('form[action$="/reset"] button');
    await one.waitForSelector('code.address');
    await shoot('code-once');
    const code = (await one.textContent('main code.address')).trim();
    assert.match(code, /^[0-9a-f]{32}$/);
    await his.goto(at('/activate'));
    await his.fill('#login_name', citizen);
    await his.fill('#code', code);
    await his.fill('#password', 'gravel otter lantern nine');
    await his.fill('#password_again', 'gravel otter lantern nine');
    await his.click('form[action="/activate"] button');
    await his.waitForSelector('h1');
    await logIn(his, citizen, '/login?return_to=/account', 'gravel otter lantern nine');
    await his.waitForURL('**/account');

    // A portal: proposed at the command line by a third, approved by these two; the last has the secret.
    const client = `console-${randomBytes(5).toString('hex')}`;
    await one.goto(at('/staff/portals'));
    await one.click('details:has(#client_id) summary');
    await shoot('portals');
    await one.fill('#client_id', client);
    await one.fill('#client_name', '某第三方平台');
    await one.selectOption('#kind', 'third_party');
    await one.fill('#redirect_uris', 'https://platform.example/callback');
    await one.fill('#scope', 'openid profile');
    await one.click('form:has(#client_id) button');
    await one.waitForSelector('[role=alert]');  // no operator, no agreement
    assert.equal(await one.inputValue('#client_name'), '某第三方平台', 'what was typed is there');
    await shoot('portal-refused');
    await one.fill('#operator', '某公司');
    await one.fill('#agreement_number', '2026-017');
    await one.fill('#agreement_until', '2028-12-31');
    await one.click('form:has(#client_id) button');
    await one.waitForURL('**/staff/requests?done=proposed');
    await one.click(`tr:has-text("${client}") a`);
    await one.waitForURL('**/staff/requests/*');
    const portalRequest = one.url().split('/').at(-1);
    await shoot('portal-request');
    await one.click('button[value=approve]');
    await one.waitForSelector('[role=alert]');
    const early = portal(demoStaff[0], 'approve', portalRequest);
    assert.equal(early.exit, 4, JSON.stringify(early.said));
    await two.goto(at(`/staff/requests/${portalRequest}`));
    await two.click('button[value=approve]');
    await two.waitForSelector('main code.address');
    assert.match((await two.textContent('main code.address')).trim(), /^[A-Za-z0-9_-]{43}$/);
    await one.goto(at(`/staff/portals/${client}`));
    await one.fill('#suspend-reason', '运营单位变更');
    await one.click('form:has(#suspend-reason) button');
    await one.waitForURL('**/staff/portals/*?done=stopped');
    await shoot('portal');
    await one.goto(at('/staff/portals'));
    await shoot('portals-all');

    // One that another proposed at the command line, refused here.
    const file = put(`${client}-2.json`, JSON.stringify({ client_id: `${client}-2`, client_name: '另一门户', kind: 'portal',
      operator: '某中心', grant_types: ['authorization_code'], redirect_uris: ['https://other.example/cb'], scope: 'openid' }));
    const asked = portal(demoStaff[1], 'propose', file);
    assert.equal(asked.exit, 0, JSON.stringify(asked.said));
    await two.goto(at(`/staff/requests/${asked.data.request}`));
    await two.fill('#reason', '没有协议');
    await two.click('button[value=refuse]');
    await two.waitForURL('**/staff/requests?done=refused');

    // All of it stands in the trail.
    await one.goto(person);
    await one.click('a[href^="/staff/trail?id="]');
    await one.waitForSelector('table');
    const trail = await one.textContent('main');
    for (const act of ['staff.find', 'identity.approve', 'subject.lock', 'activation.issue']) assert.ok(trail.includes(act), act);
    assert.ok(trail.includes('本人挂失'), 'with the reason');
    assert.ok(!trail.includes(number), 'without numbers');
    await shoot('trail');
    await two.context().close();
    await his.context().close();
  });
}

test('6.2.5, 6.1.2e: the console on a desktop without a script', () => consoleJourney('desktop', { viewport: { width: 1280, height: 900 } }, false));
test('the same on a phone', () => consoleJourney('phone', devices['iPhone 13'], true));

await runTests();
