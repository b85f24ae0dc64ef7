// Staff of the demonstration bring clients in, as any portal comes in (`xinyin portal`): one proposes, two
// others approve, and whoever approves last has the secret.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { stack, tryThis } from './support.mjs';

const seed = JSON.parse(fs.readFileSync(path.join(stack.var, 'demo/seed.json'), 'utf8'));
const { uid, gid } = fs.statSync(stack.var);
const account = process.geteuid() === 0 && uid !== 0 ? { uid, gid } : {};
const desk = fs.mkdtempSync(path.join(os.tmpdir(), 'xinyin-desk-'));
process.on('exit', () => fs.rmSync(desk, { recursive: true, force: true }));
if (account.uid !== undefined) fs.chownSync(desk, uid, gid);

/** A file of the desk, for the stack's account alone. */
function put(name, text) {
  const file = path.join(desk, name);
  fs.writeFileSync(file, text, { mode: 0o600 });
  if (account.uid !== undefined) fs.chownSync(file, uid, gid);
  return file;
}

export const staff = ['staff_a', 'staff_b', 'staff_c'].map((key) => ({
  login: seed[key].username,
  file: put(key, `${seed[key].password}\n`),
}));

/** `xinyin …`; what it says, and its exit code. */
export function xinyin(...words) {
  const ran = spawnSync(path.join(tryThis.programs, 'xinyin'), ['--json', '--config', tryThis.officer_config, ...words],
    { ...account, cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' }, encoding: 'utf8' });
  const said = JSON.parse(ran.stdout);
  return { exit: ran.status, data: said.data, error: said.error, said };
}

/** `xinyin portal …` by one of the staff. */
export function portal(who, ...words) {
  return xinyin('portal', ...words, '--as', who.login, '--password-file', who.file);
}

function carried(what, answer, exit = 0) {
  if (answer.exit !== exit) throw new Error(`${what}: exit ${answer.exit}: ${JSON.stringify(answer.said)}`);
  return answer.data;
}

/** Proposed and approved; the secret that came of it, if any. */
export function decide(...words) {
  const { request } = carried('propose', portal(staff[0], ...words));
  carried('first approval', portal(staff[1], 'approve', request), 4);
  return carried('last approval', portal(staff[2], 'approve', request)).secret;
}

/** A client with these metadata (docs/identity.md); its secret and id. */
export function bringIn(metadata) {
  const client_id = metadata.client_id ?? `journey-${randomBytes(6).toString('hex')}`;
  const file = put(`${client_id}.json`, JSON.stringify({
    client_id, client_name: '某门户', kind: 'portal', operator: '某中心', grant_types: ['authorization_code'], ...metadata }));
  return { client_id, client_secret: decide('propose', file) };
}

export function proposeToken(token) {
  return decide('propose-token', put(`token-${randomBytes(4).toString('hex')}.json`, JSON.stringify(token)));
}

/** A further xinyind of our own beside the stack's, which kills itself at a named step. */
export async function instanceThatDies(failPoint) {
  const file = path.join(desk, 'dying.conf');
  const text = fs.readFileSync(tryThis.service_config, 'utf8')
    .replace(/^http\.port = .*$/m, `http.port = ${await freePort()}`).replace(/^instance = .*$/m, 'instance = dying');
  put('dying.conf', `${text}\ntesting.fail_point = ${failPoint}\n`);
  const child = spawn(path.join(tryThis.programs, 'xinyind'), ['--config', file],
    { ...account, cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' }, stdio: 'ignore' });
  process.on('exit', () => child.kill('SIGKILL'));
  return child;
}

/** One that nobody listens at now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Asks until the answer is true: for states that others reach by themselves. */
export async function eventually(question, what, within_s = 30) {
  for (const until = Date.now() + within_s * 1000; ;) {
    const answer = await question();
    if (answer) return answer;
    if (Date.now() > until) throw new Error(`never became true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export { execFileSync, put };
