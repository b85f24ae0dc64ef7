// A second factor in a real browser: a telephone (the simulator's), an authenticator app (oathtool), recovery
// codes; logging in by two steps, and a portal that asks for more. LD/T 01-2020 5.4.1.5, 6.2.5b, 6.2.6.
import { execFileSync } from 'node:child_process';
import { devices } from 'playwright-core';
import { assert, runTests, test, tryThis } from './support.mjs';
import { register, visit } from './visit.mjs';

const password = 'kelp lantern orbit thistle';
const security = `${tryThis.issuer}/account/security`;

const totp = (secret, later = 0) =>
  execFileSync('oathtool', ['--totp', '--base32', '--now', new Date(Date.now() + later * 1000).toISOString().replace('T', ' ').slice(0, 19) + ' UTC', secret],
    { encoding: 'utf8' }).trim();

/** The newest message to this number that holds a code, once there is one. */
async function messageTo(phone) {
  for (let i = 0; i < 100; ++i) {
    const messages = await (await fetch(`${tryThis.sms_url}messages?phone=${phone}`)).json();
    const codes = messages.filter((message) => message.values.code);
    if (codes.length > 0) return codes.at(-1);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no message to ${phone}`);
}

async function logIn(page, loginName, to) {
  await page.goto(to);
  await page.fill('input[name=login_name]', loginName);
  await page.fill('input[name=password]', password);
  await page.click('form[action="/login"] button[type=submit]');
}

const freshMobile = () => `137${String(Math.floor(Math.random() * 1e8)).padStart(8, '0')}`;

async function factors(page, shoot) {
  const loginName = await register(password);
  await logIn(page, loginName, security);
  await page.waitForURL('**/account/security');
  await shoot('only-a-password');

  // A telephone.
  const mobile = freshMobile();
  await page.fill('#phone-number', mobile);
  await page.click('form[action="/account/security/phone"] button');
  await page.waitForSelector('#phone-code');
  await shoot('phone-asked');
  const { text, values } = await messageTo(mobile);
  assert.match(text, /^【演示社保】您正在绑定手机号码，验证码\d{6}，5分钟内有效/);
  await page.fill('#phone-code', values.code);
  await page.click('form[action="/account/security/phone/confirm"] button');
  await page.waitForURL('**/account/security?done=added');

  // An authenticator app.
  await page.click('form[action="/account/security/totp"] button');
  await page.waitForSelector('svg.qr');
  await shoot('app-offered');
  const secret = (await page.textContent('#totp code.address')).trim();
  await page.fill('#totp-code', '000000');
  await page.click('form[action="/account/security/totp/confirm"] button');
  await page.waitForSelector('[role=alert]');
  await shoot('app-wrong-code');
  assert.equal((await page.textContent('#totp code.address')).trim(), secret, 'another secret after a typo');
  await page.fill('#totp-code', totp(secret));
  await page.click('form[action="/account/security/totp/confirm"] button');
  await page.waitForURL('**/account/security?done=added');

  // Recovery codes.
  await page.click('form[action="/account/security/recovery"] button');
  await page.waitForSelector('.codes');
  await shoot('recovery-codes');
  const [recovery, spare] = await page.locator('.codes code').allTextContents();
  await page.goto(security);
  await shoot('all-factors');

  // From the portal, through both steps, and back to it.
  await page.context().clearCookies();
  await page.goto(tryThis.portal_url);
  await page.click('#login');
  await page.fill('input[name=login_name]', loginName);
  await page.fill('input[name=password]', password);
  await page.click('form[action="/login"] button[type=submit]');
  await page.waitForURL('**/login/second**');
  await page.click('details:has(#recovery) summary');
  await page.fill('#recovery', spare);
  await page.click('form:has(#recovery) button');
  await page.click('button[name=decision][value=grant]');
  await page.waitForURL(`${tryThis.portal_url}/**`);

  // Each of them at a login.
  const again = async () => {
    await page.context().clearCookies();
    await logIn(page, loginName, `${tryThis.issuer}/account`);
    await page.waitForURL('**/login/second**');
  };
  await again();
  await shoot('second-step');
  await page.fill('#totp', totp(secret, 30));
  await page.click('form:has(#totp) button');
  await page.waitForURL('**/account');
  await again();
  await page.click('details:has(#recovery) summary');
  await page.fill('#recovery', recovery.toUpperCase().replaceAll('-', ' '));
  await page.click('form:has(#recovery) button');
  await page.waitForURL('**/account');
  await again();
  await page.click('details:has(#recovery) summary');
  await page.fill('#recovery', recovery);
  await page.click('form:has(#recovery) button');
  await page.waitForSelector('[role=alert]');
  await shoot('recovery-code-twice');
}

test('6.2.6: a telephone, an app and recovery codes, on a phone', () =>
  visit('factors', 'phone', devices['iPhone 13'], true, factors));
test('the same on a desktop without JavaScript', () =>
  visit('factors', 'plain', { viewport: { width: 1100, height: 850 } }, false, factors));

await runTests();
