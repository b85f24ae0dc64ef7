// A person in a real browser: log in at the portal, consent, obtain and download the certificate, follow
// what its QR says. Pictures of every page are kept for people to look at.
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync, spawnSync } from 'node:child_process';
import { chromium, devices } from 'playwright-core';
import { assert, out, runTests, test, tryThis } from './support.mjs';

const shots = path.join(out, 'screenshots');
fs.mkdirSync(shots, { recursive: true });

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});

async function visit(kind, options, javaScriptEnabled, body) {
  const context = await browser.newContext({ ...options, locale: 'zh-CN', acceptDownloads: true, javaScriptEnabled });
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !/status of 40\d/.test(message.text())) {
      complaints.push(message.text());
    }
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  let number = 0;
  const shoot = async (name) => {
    number += 1;
    await page.screenshot({ path: path.join(shots, `${kind}-${String(number).padStart(2, '0')}-${name}.png`), fullPage: true });
    if (javaScriptEnabled) {
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 1, `${name}: the page is ${wide} px wider than the ${kind}'s screen`);
    }
    assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN', name);
  };
  try {
    await body(page, shoot, context);
    assert.deepEqual(complaints, [], 'the browser complained');
  } finally {
    await page.screenshot({ path: path.join(shots, `${kind}-last.png`), fullPage: true }).catch(() => {});
    await context.close();
  }
}

async function journey(kind, page, shoot) {
  await page.goto(tryThis.portal_url);
  await shoot('portal');
  await page.click('#login');
  await page.waitForURL((url) => url.href.startsWith(tryThis.issuer));
  await shoot('login');
  await page.fill('input[name=login_name]', tryThis.username);
  await page.fill('input[name=password]', 'wrong password');
  await page.click('form[action="/login"] button[type=submit]');
  await page.waitForSelector('[role=alert]');
  await shoot('login-refused');
  await page.fill('input[name=login_name]', tryThis.username);
  await page.fill('input[name=password]', tryThis.password);
  await page.click('form[action="/login"] button[type=submit]');
  await page.waitForSelector(`button[name=decision][value=grant], #obtain`);
  if (await page.locator('button[name=decision][value=grant]').count()) {
    await shoot('consent');
    await page.click('button[name=decision][value=grant]');
  }
  await page.waitForSelector('#obtain');
  assert.ok(page.url().startsWith(tryThis.portal_url), page.url());
  assert.equal((await page.textContent('#name')).trim(), tryThis.name);
  await shoot('portal-logged-in');
  await page.click('#obtain');
  await page.waitForSelector('#download');
  await shoot('certificate');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  const file = path.join(out, `browser-${kind}.pdf`);
  await download.saveAs(file);
  assert.equal(fs.readFileSync(file).subarray(0, 5).toString(), '%PDF-');

  execFileSync('pdftoppm', ['-r', '150', '-png', file, path.join(out, `browser-${kind}`)]);
  const pictures = fs.readdirSync(out).filter((name) => name.startsWith(`browser-${kind}-`) && name.endsWith('.png'));
  let address = '';
  for (const picture of pictures) {
    fs.renameSync(path.join(out, picture), path.join(shots, picture));
    const read = spawnSync('zbarimg', ['--quiet', '--raw', path.join(shots, picture)]).stdout.toString().trim();
    address ||= read;
  }
  assert.ok(address.startsWith(`${tryThis.issuer}/v/`), address);

  const answer = await page.goto(address);
  assert.equal(answer.status(), 200);
  const text = await page.textContent('main');
  assert.match(text, /参保证明/);
  assert.ok(!text.includes(tryThis.name), 'the public page shows the whole name');
  await shoot('verdict');

  const wrong = await page.goto(address.slice(0, -1) + (address.endsWith('0') ? '1' : '0'));
  assert.ok(wrong.status() >= 400 && wrong.status() < 500);
  await shoot('verdict-mistyped');
  await page.goto(`${tryThis.issuer}/`);
  await shoot('service-home');
  await page.goto(`${tryThis.issuer}/v`);
  await shoot('verify-form');
  await page.setInputFiles('input[type=file]', file);
  await page.click('form[enctype="multipart/form-data"] button[type=submit]');
  await page.waitForLoadState();
  await shoot('file-verdict');
  assert.match(await page.textContent('main'), /未被改动|真实|一致|有效/);

  await page.goto(tryThis.portal_url);
  await page.click('button[name=logout]');
  await page.waitForSelector('#login');
  await shoot('logged-out');
  await page.click('#login');
  await page.waitForSelector('input[name=password]');
}

test('4: log in, consent, download, follow the QR, on a desktop', () =>
  visit('desktop', { viewport: { width: 1280, height: 900 } }, true, (page, shoot) => journey('desktop', page, shoot)));
test('4: log in, consent, download, follow the QR, on a phone', () =>
  visit('phone', devices['iPhone 13'], true, (page, shoot) => journey('phone', page, shoot)));
test('the same without JavaScript', () =>
  visit('plain', { viewport: { width: 1024, height: 800 } }, false, (page, shoot) => journey('plain', page, shoot)));

await runTests();
