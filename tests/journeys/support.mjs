// What the journeys written for Node share: the stack's particulars, a small test runner, and a person
// at the login and consent pages without a browser.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
export const out = process.env.XINYIN_JOURNEYS ?? path.join(here, '../../build/release/journeys');
export const stack = JSON.parse(fs.readFileSync(path.join(out, 'stack.json'), 'utf8'));
export const tryThis = JSON.parse(fs.readFileSync(path.join(stack.var, 'demo/try-this.json'), 'utf8'));

/** As the cluster's superuser, by the account that the stack runs as: the database believes that account. */
export function sql(query) {
  const { uid, gid } = fs.statSync(stack.var);
  const account = process.geteuid() === 0 && uid !== 0 ? { uid, gid } : {};
  return execFileSync('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', tryThis.database_superuser, '-c', query],
    { ...account, cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' }, encoding: 'utf8' });
}

const tests = [];
export function test(name, body) {
  tests.push([name, body]);
}

export async function runTests() {
  let failed = 0;
  for (const [name, body] of tests) {
    try {
      await body();
      console.log(`ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n${error.stack ?? error}`);
    }
  }
  console.log(`${tests.length - failed} of ${tests.length} passed`);
  process.exit(failed === 0 && tests.length > 0 ? 0 : 1);
}

/** A person with cookies who follows redirects, logs in and consents, until `redirectUri` is reached. */
export class Person {
  constructor(origin) {
    this.origin = origin;
    this.cookies = new Map();
  }

  async ask(url, options = {}) {
    const headers = { accept: 'text/html', ...options.headers };
    if (this.cookies.size > 0) {
      headers.cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    }
    const answer = await fetch(url, { redirect: 'manual', ...options, headers });
    for (const line of answer.headers.getSetCookie?.() ?? [answer.headers.get('set-cookie')].filter(Boolean)) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (/max-age=0/i.test(line) || value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }

  send(url, fields) {
    return this.ask(url, {
      method: 'POST',
      body: new URLSearchParams(fields).toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: this.origin,
        'sec-fetch-site': 'same-origin',
      },
    });
  }

  /** The address the provider finally sends the browser to; an answer that is no redirect is returned. */
  async authorize(url, redirectUri, { username = tryThis.username, password = tryThis.password, decision = 'grant' } = {}) {
    let answer = await this.ask(url);
    for (let step = 0; step < 12; ++step) {
      if (answer.status >= 300 && answer.status < 400) {
        url = new URL(answer.headers.get('location'), url).href;
        if (url.startsWith(redirectUri)) return { location: new URL(url) };
        answer = await this.ask(url);
        continue;
      }
      const body = await answer.text();
      const form = formOf(body);
      if (answer.status !== 200 || !form || this.stuck === body) return { answer, body };
      const fields = { ...form.fields };
      if ('password' in fields) Object.assign(fields, { login_name: username, password });
      else if (form.buttons.includes('decision')) fields.decision = decision;
      else return { answer, body };
      answer = await this.send(new URL(form.action, url).href, fields);
    }
    throw new Error(`no end of pages at ${url}`);
  }
}

const unescape = (text) =>
  text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&gt;', '>')
    .replace(/&#x([0-9a-f]+);/gi, (_, hex) => String.fromCodePoint(parseInt(hex, 16)))
    .replace(/&#(\d+);/g, (_, number) => String.fromCodePoint(Number(number))).replaceAll('&amp;', '&');

export function formOf(html) {
  const form = /<form[^>]*method="post"[^>]*>([\s\S]*?)<\/form>/i.exec(html);
  if (!form) return null;
  const attribute = (tag, name) => unescape(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? '');
  const fields = {};
  for (const [tag] of form[1].matchAll(/<input[^>]*>/gi)) fields[attribute(tag, 'name')] = attribute(tag, 'value');
  return {
    action: attribute(form[0], 'action'),
    fields,
    buttons: [...form[1].matchAll(/<button[^>]*>/gi)].map(([tag]) => attribute(tag, 'name')),
  };
}

export { assert };
