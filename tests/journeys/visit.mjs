// Visits in a real browser: pictures of every page, and what every page must be: not wider than the
// screen, each control named, nothing that the browser complains of.
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { assert, out, Person, formOf, tryThis } from './support.mjs';

const shots = path.join(out, 'screenshots');
fs.mkdirSync(shots, { recursive: true });

export const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});

/** A synthetic number that nobody had before, its check by the rule of GB 11643. */
export function freshCitizen() {
  const day = 1 + Math.floor(Math.random() * 28);
  const first = `110105${1950 + Math.floor(Math.random() * 50)}${String(1 + Math.floor(Math.random() * 12)).padStart(2, '0')}`
    + `${String(day).padStart(2, '0')}${String(Math.floor(Math.random() * 1000)).padStart(3, '0')}`;
  const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
  const sum = weights.reduce((total, weight, i) => total + weight * Number(first[i]), 0);
  return first + '10X98765432'[sum % 11];
}

/** Registers somebody new without a browser; the login name. */
export async function register(password, number = freshCitizen()) {
  const loginName = `j.${Date.now()}.${Math.floor(Math.random() * 1e6)}`;
  const person = new Person(tryThis.issuer);
  const at = (address) => new URL(address, tryThis.issuer).href;
  let page = await (await person.ask(at('/register'))).text();
  const step = async (action, fields, next) => {
    const sent = await person.send(at(action), { csrf: formOf(page).fields.csrf, ...fields });
    assert.equal(sent.status, 303, await sent.text());
    page = await (await person.ask(at(next))).text();
  };
  await step('/register', { kind: 'person', return_to: '' }, '/register/identity');
  await step('/register/identity', { name: '李小明', id_type: 'cn-id', id_number: number, country: '' }, '/register/details');
  await step('/register/details', { social_security_number: '', card_number: 'A12345678', bank_account: '', mobile: '13800138000' },
    '/register/account');
  const { fields } = [...page.matchAll(/<form[^>]*>[\s\S]*?<\/form>/g)].map(([text]) => formOf(text))
    .find((form) => form?.action === '/register/complete');
  await step('/register/complete', { ...fields, login_name: loginName, password, password_again: password,
    accept_service: 'yes', accept_privacy: 'yes' }, '/register/done');
  return loginName;
}

export async function visit(journey, kind, options, javaScriptEnabled, body) {
  const context = await browser.newContext({ ...options, locale: 'zh-CN', javaScriptEnabled });
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
    await page.screenshot({ path: path.join(shots, `${journey}-${kind}-${String(number).padStart(2, '0')}-${name}.png`), fullPage: true });
    if (!javaScriptEnabled) return;
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 1, `${name}: the page is ${wide} px wider than the ${kind}'s screen`);
    // What a screen reader needs: each control has a name, each id stands once, each description is there.
    const trouble = await page.evaluate(() => {
      const found = [];
      const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
      for (const id of ids) if (ids.filter((other) => other === id).length > 1) found.push(`id ${id} twice`);
      for (const control of document.querySelectorAll('input:not([type=hidden]),select')) {
        if (!control.labels?.length) found.push(`${control.name} has no label`);
        for (const id of (control.getAttribute('aria-describedby') ?? '').split(' ').filter(Boolean)) {
          if (!document.getElementById(id)) found.push(`${control.name}: no ${id}`);
        }
      }
      return found;
    });
    assert.deepEqual(trouble, [], name);
  };
  try {
    await body(page, shoot, context);
    assert.deepEqual(complaints, [], 'the browser complained');
  } finally {
    await page.screenshot({ path: path.join(shots, `${journey}-${kind}-last.png`), fullPage: true }).catch(() => {});
    await context.close();
  }
}
