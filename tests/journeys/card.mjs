// Logging in with an e-social-security card: a browser shows a code, which zbarimg reads off its picture; a
// telephone in another browser opens what it says, and confirms. LD/T 01-2020 5.4.1.4b; security.md §3.A 22.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { devices } from 'playwright-core';
import { assert, out, runTests, test, tryThis } from './support.mjs';
import { browser, visit } from './visit.mjs';

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
    await page.goto(`${tryThis.issuer}/account`);
    assert.ok(page.url().includes('/login'), 'nobody is logged in');
  }));

await runTests();
