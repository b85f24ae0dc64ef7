// Logging in with an e-social-security card: a browser shows a code, which zbarimg reads off its picture; a
// telephone in another browser opens what it says, and confirms. LD/T 01-2020 5.4.1.4b; security.md §3.A 22.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { devices } from 'playwright-core';
import { assert, out, runTests, test, tryThis } from './support.mjs';
import { browser, freshCitizen, visit } from './visit.mjs';

const login = `${tryThis.issuer}/login?return_to=/account`;

/** What a telephone sees in the picture of this page. */
async function scan(page) {
  const picture = path.join(out, 'card-code.png');
  await page.locator('svg.qr').screenshot({ path: picture });
  return execFileSync('zbarimg', ['--quiet', '--raw', picture], { encoding: 'utf8' }).trim();
}

async function showCode(page, shoot) {
  await page.goto(login);
  await shoot('login');
  await page.click('a[href^="/login/card"]');
  await shoot('before');
  await page.click('form[action="/login/card"] button');
  await page.waitForSelector('svg.qr');
  await shoot('code');
  return scan(page);
}

/** The holder at his telephone; what the card's platform showed him. */
async function confirm(address, name, number, outcome) {
  const telephone = await browser.newContext({ ...devices['iPhone 13'], locale: 'zh-CN' });
  const page = await telephone.newPage();
  await page.goto(address);
  const shown = await page.textContent('body');
  await page.fill('input[name=name]', name);
  await page.fill('input[name=id_number]', number);
  await page.click(`button[value=${outcome}]`);
  await page.waitForURL('**/login/card/confirmed');
  assert.deepEqual(await telephone.cookies(tryThis.issuer), [], 'the telephone has nothing of the login');
  await telephone.close();
  return shown;
}

async function logIn(page, shoot) {
  const address = await showCode(page, shoot);
  const shown = await confirm(address, tryThis.name, tryThis.id_number, 'matches');
  assert.ok(shown.includes(tryThis.issuer), 'the telephone shows where the login would be');
  await page.waitForURL('**/account');
  await shoot('logged-in');
  assert.match(await page.textContent('main'), /zhangxiaosan/);
}

test('5.4.1.4b: scan, confirm, logged in, on a desktop', () =>
  visit('card', 'desktop', { viewport: { width: 1280, height: 900 } }, true, logIn));
test('the same without JavaScript', () =>
  visit('card', 'plain', { viewport: { width: 1024, height: 800 } }, false, logIn));
test('A22: a code that somebody else confirms, refuses, or has no account for logs nobody in', () =>
  visit('card', 'refused', { viewport: { width: 1024, height: 800 } }, true, async (page, shoot) => {
    let address = await showCode(page, shoot);
    await confirm(address, tryThis.name, tryThis.id_number, 'not_finished');
    await page.waitForSelector('[role=alert]');
    await shoot('refused');
    await page.click('form[action="/login/card"] button');
    await page.waitForSelector('svg.qr');
    address = await scan(page);
    await confirm(address, '李四', '11010119900307109X', 'matches');
    await page.waitForSelector('[role=alert]');
    await shoot('unknown');
    assert.match(await page.textContent('main'), /尚未注册/);
    // A code that was confirmed is worth nothing in another browser.
    const thief = await browser.newContext({ locale: 'zh-CN' });
    const stranger = await thief.newPage();
    await stranger.goto(`${tryThis.issuer}/login/card`);
    assert.equal(await stranger.locator('form[action="/register/card"]').count(), 0);
    await thief.close();
    await page.goto(`${tryThis.issuer}/account`);
    assert.ok(page.url().includes('/login'), 'nobody is logged in');
  }));

/** 5.4.1.4b: whoever has a card and no account registers with it, and is proven at once. */
async function registerWithCard(page, shoot) {
  const number = freshCitizen();
  await page.goto(`${tryThis.issuer}/register?return_to=%2Faccount`);
  await shoot('register');
  await page.click('a[href^="/login/card"]');
  await page.click('form[action="/login/card"] button');
  await page.waitForSelector('svg.qr');
  await confirm(await scan(page), '阿依古丽·买买提', number, 'matches');
  await page.waitForSelector('form[action="/register/card"]');
  await shoot('offered');
  await page.click('form[action="/register/card"] button');
  await page.waitForURL('**/register/identity');
  await shoot('proven');
  const shown = await page.textContent('main');
  assert.match(shown, /阿依古丽·买买提/);
  assert.equal(await page.locator('input[name=id_number], input[name=name]').count(), 0, 'nothing to type');
  await page.click('a[href="/register/details"]');
  await page.fill('input[name=card_number]', 'A12345678');
  await page.fill('input[name=mobile]', '13800138000');
  await page.click('form[action="/register/details"] button');
  await page.waitForURL('**/register/account');
  await shoot('account');
  assert.equal(await page.locator('.reference').count(), 0, 'no reference to carry elsewhere');
  const loginName = `card.${Date.now()}`;
  const password = 'kelp lantern orbit thistle';
  await page.fill('input[name=login_name]', loginName);
  await page.fill('input[name=password]', password);
  await page.fill('input[name=password_again]', password);
  await page.check('input[name=accept_service]');
  await page.check('input[name=accept_privacy]');
  await page.click('form[action="/register/complete"] button');
  await page.waitForURL('**/register/done**');
  await page.goto(`${tryThis.issuer}/login?return_to=%2Faccount%2Fproofing`);
  await page.fill('input[name=login_name]', loginName);
  await page.fill('input[name=password]', password);
  await page.click('form[action="/login"] button[type=submit]');
  await page.waitForURL('**/account/proofing');
  await shoot('level');
  assert.match(await page.textContent('main'), /P2 · 中级/);
  // The card logs in from now on.
  await page.context().clearCookies();
  await page.goto(login);
  await page.click('a[href^="/login/card"]');
  await page.click('form[action="/login/card"] button');
  await page.waitForSelector('svg.qr');
  await confirm(await scan(page), '阿依古丽·买买提', number, 'matches');
  await page.waitForURL('**/account');
}
test('5.4.1.4b: a holder without account registers with the card, on a phone', () =>
  visit('card-register', 'phone', devices['iPhone 13'], true, registerWithCard));
test('the same without JavaScript', () =>
  visit('card-register', 'plain', { viewport: { width: 1024, height: 800 } }, false, registerWithCard));

await runTests();
