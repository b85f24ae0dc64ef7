// People in a real browser who register by themselves, a person on a phone and a unit on a desktop, each
// with a mistake on the way; then log in, look at the own account, and change it. By keyboard alone, too.
// Pictures of every page are kept for people to look at.
import { devices } from 'playwright-core';
import { assert, runTests, test, tryThis } from './support.mjs';
import { freshCitizen, visit } from './visit.mjs';

const password = 'kelp lantern orbit thistle';

const next = (page) => page.click('form.card button.primary');

async function finish(page, shoot, loginName) {
  await page.waitForURL('**/register/account');
  await shoot('account');
  await page.fill('#login_name', loginName);
  await page.fill('#password', 'short');
  await page.fill('#password_again', 'short');
  await next(page);
  await page.waitForSelector('[role=alert]');
  await shoot('account-mistakes');
  assert.equal(await page.inputValue('#login_name'), loginName);
  assert.equal(await page.inputValue('#password'), '', 'a password was sent back');
  assert.match(await page.textContent('#accept_service-problem'), /勾选同意/);
  await page.fill('#password', password);
  await page.fill('#password_again', password);
  await page.check('#accept_service');
  await page.check('#accept_privacy');
  await next(page);
  await page.waitForURL('**/register/done**');
  await shoot('done');
}

async function ownAccount(page, shoot, loginName) {
  await page.goto(`${tryThis.issuer}/account`);
  await page.fill('input[name=login_name]', loginName);
  await page.fill('input[name=password]', password);
  await page.click('form[action="/login"] button[type=submit]');
  await page.waitForURL('**/account');
  await shoot('own-account');
  const text = await page.textContent('main');
  assert.match(text, /P0/);
  assert.match(text, /尚未实名核验/);
  return text;
}

async function person(kind, page, shoot) {
  const number = freshCitizen();
  const loginName = `p.${kind}.${Date.now()}`;
  await page.goto(`${tryThis.issuer}/login`);
  await page.click('a[href^="/register"]');
  await shoot('choose');
  await page.click('button[name=kind][value=person]');
  await page.waitForURL('**/register/identity');
  await shoot('identity');
  await page.fill('#name', '阿依古丽·买买提');
  await page.selectOption('#id_type', 'cn-id');
  const typo = number.slice(0, -1) + (number.endsWith('1') ? '2' : '1');
  await page.fill('#id_number', typo);
  await next(page);
  await page.waitForSelector('[role=alert]');
  await shoot('identity-mistake');
  assert.equal(await page.inputValue('#id_number'), typo, 'what was typed is lost');
  assert.equal(await page.inputValue('#name'), '阿依古丽·买买提');
  await page.fill('#id_number', number);
  await next(page);
  await page.waitForURL('**/register/details');
  await page.fill('#card_number', 'A12345678');
  await page.fill('#mobile', '13800138000');
  await shoot('details');
  await next(page);
  await finish(page, shoot, loginName);
  const text = await ownAccount(page, shoot, loginName);
  assert.ok(!text.includes(number), 'the whole number is shown');
  await page.click('details:has(#mobile) summary').catch(() => {});
  await page.fill('#mobile', '13900139000');
  await page.click('form[action="/account/details"] button');
  await page.waitForURL('**/account?done=saved');
  await shoot('changed');
  assert.match(await page.textContent('main'), /139\*\*\*\*9000/);
}

test('5.4.1.4: a person registers on a phone and changes the account', () =>
  visit('register', 'phone', devices['iPhone 13'], true, (page, shoot) => person('phone', page, shoot)));

test('5.4.1.3: a unit registers on a desktop, leaves, and goes on elsewhere', () =>
  visit('register', 'desktop', { viewport: { width: 1280, height: 900 } }, true, async (page, shoot, context) => {
    const loginName = `u.desktop.${Date.now()}`;
    await page.goto(`${tryThis.issuer}/register`);
    await page.click('button[name=kind][value=unit]');
    await page.waitForURL('**/register/identity');
    await page.fill('#unit_name', '示范建筑工程有限公司');
    await page.selectOption('#id_type', 'project-code');
    await page.fill('#id_number', `2026-110108-${Date.now()}`);
    await shoot('identity');
    await next(page);
    await page.waitForURL('**/register/details');
    const reference = (await page.textContent('code.reference')).trim();
    await shoot('details');
    // Another device: no cookies, the reference alone.
    await context.clearCookies();
    await page.goto(`${tryThis.issuer}/register`);
    await page.fill('#reference', reference);
    await page.click('form[action="/register/resume"] button');
    await page.waitForURL('**/register/details');
    await next(page);
    await page.waitForSelector('[role=alert]');
    await shoot('details-mistakes');
    for (const field of ['legal_name', 'legal_phone', 'handler_name', 'handler_phone']) {
      assert.ok(await page.locator(`[role=alert] a[href="#${field}"]`).count(), field);
    }
    await page.fill('#legal_name', '王五');
    await page.fill('#legal_phone', '010-62345678');
    await page.fill('#handler_name', '赵六');
    await page.fill('#handler_phone', '13900139000');
    await next(page);
    await finish(page, shoot, loginName);
    const text = await ownAccount(page, shoot, loginName);
    assert.match(text, /示范建筑工程有限公司/);
  }));

test('the same without JavaScript', () =>
  visit('register', 'plain', { viewport: { width: 1024, height: 800 } }, false, (page, shoot) => person('plain', page, shoot)));

test('by keyboard alone', () =>
  visit('register', 'keyboard', { viewport: { width: 1024, height: 800 } }, true, async (page) => {
    await page.goto(`${tryThis.issuer}/register`);
    const focused = () => page.evaluate(() => document.activeElement?.name || document.activeElement?.id || document.activeElement?.textContent?.trim());
    const tabTo = async (name) => {
      for (let i = 0; i < 40; ++i) {
        await page.keyboard.press('Tab');
        if (await focused() === name) return;
      }
      throw new Error(`${name} is not reached by Tab`);
    };
    await tabTo('kind');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/register/identity');
    await tabTo('name');
    await page.keyboard.type('李四');
    await tabTo('id_type');
    await page.keyboard.press('ArrowDown');
    await tabTo('id_number');
    await page.keyboard.type(freshCitizen());
    await page.keyboard.press('Enter');
    await page.waitForURL('**/register/details');
    await tabTo('card_number');
    await page.keyboard.type('A12345678');
    await tabTo('mobile');
    await page.keyboard.type('13800138000');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/register/account');
    await tabTo('login_name');
    await page.keyboard.type(`k.${Date.now()}`);
    for (const field of ['password', 'password_again']) {
      await tabTo(field);
      await page.keyboard.type(password);
    }
    for (const field of ['accept_service', 'accept_privacy']) {
      await tabTo(field);
      await page.keyboard.press('Space');
    }
    await page.keyboard.press('Enter');
    await page.waitForURL('**/register/done**');
  }));

await runTests();
