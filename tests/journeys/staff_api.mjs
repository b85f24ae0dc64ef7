// The console as JSON, as a program of the agency meets it: openid-client gets the tokens and follows what RFC 9470
// tells it, oathtool makes the codes; members of staff here decide with one at the command line. LD/T 01-2020 6.2.5, 6.1.2e.
import { randomBytes } from 'node:crypto';
import { assert, runTests, sql, test, tryThis } from './support.mjs';
import { portal, staff, xinyin } from './portals.mjs';
import { Careful, issuer, logIn, relyingParty, totp } from './relying_party.mjs';
import { freshCitizen, register } from './visit.mjs';

const password = 'kelp lantern orbit thistle';
const scope = 'openid account staff';

/** openid-client's own call of a protected resource. */
async function call(client, tokens, method, path, body, key) {
  const answer = await client.requestResource(`${tryThis.issuer}${path}`, tokens.access_token, {
    method, headers: { ...(body ? { 'Content-Type': 'application/json' } : {}), ...(key ? { 'Idempotency-Key': key } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}) });
  const text = answer.body?.toString() ?? '';
  return { status: answer.statusCode, headers: answer.headers, json: text ? JSON.parse(text) : undefined };
}

/** Somebody new, with an authenticator app, named by the installation's owner; what he may do at the desk. */
async function member(party) {
  const username = await register(password);
  const named = xinyin('staff', 'name', username);
  assert.equal(named.exit, 0, JSON.stringify(named.said));
  const person = new Careful(tryThis.issuer);
  const as = { username, password };
  const weak = await logIn(person, party.client, party.at.redirect, scope, {}, as);
  const { offer, secret } = (await call(party.client, weak, 'POST', '/v1/account/totp')).json;
  person.secret = secret;
  const added = await call(party.client, weak, 'POST', '/v1/account/totp/confirm', { offer, code: totp(secret), label: '手机' });
  assert.equal(added.status, 204);
  // A password alone: sent for the second proof, and followed.
  const refused = await call(party.client, weak, 'GET', '/v1/staff/requests');
  assert.equal(refused.status, 401);
  const [, acr_values] = /error="insufficient_user_authentication", acr_values="([^"]+)"/.exec(refused.headers['www-authenticate']);
  const tokens = await logIn(person, party.client, party.at.redirect, scope, { acr_values }, as);
  const ask = (method, path, body, key) => call(party.client, tokens, method, `/v1/staff${path}`, body, key);
  assert.equal((await ask('GET', '/requests')).status, 200);
  return { ask, username, subject: named.data.subject };
}

const userinfo = async (client, tokens) => (await call(client, tokens, 'GET', '/oauth/userinfo')).status;

const party = await relyingParty({ scope });
const [one, two] = [await member(party), await member(party)];

test('6.2.5c: a lock through a program of the agency bites at once, and its end is another deed', async () => {
  const username = await register(password);
  const person = new Careful(tryThis.issuer);
  const his = await logIn(person, party.client, party.at.redirect, 'openid', {}, { username, password });
  assert.equal(await userinfo(party.client, his), 200);
  const { id } = (await one.ask('POST', '/people/find', { login_name: username })).json;
  assert.equal((await one.ask('POST', `/people/${id}/lock`, { reason: '本人挂失', until: '2099-12-31' })).status, 204);
  assert.equal(await userinfo(party.client, his), 401);
  const seen = xinyin('person', 'show', id, '--as', staff[0].login, '--password-file', staff[0].file);
  assert.equal(seen.data.lock_reason, '本人挂失', 'as the command line sees it');
  const file = (await two.ask('GET', `/people/${id}`)).json;
  assert.equal(file.lock.reason, '本人挂失');
  assert.equal(file.names[file.lock.by], one.username);
  assert.match(file.name, /\*/);
  assert.equal((await two.ask('POST', `/people/${id}/unlock`, { reason: '已核实' })).status, 204);
  assert.ok(await logIn(new Careful(tryThis.issuer), party.client, party.at.redirect, 'openid', {}, { username, password }));
});

test('who is no staff finds nothing there, whatever he consented to', async () => {
  const username = await register(password);
  const tokens = await logIn(new Careful(tryThis.issuer), party.client, party.at.redirect, 'openid staff', {}, { username, password });
  assert.equal((await call(party.client, tokens, 'GET', '/v1/staff/requests')).status, 401, 'a password alone');
  const person = new Careful(tryThis.issuer);
  const weak = await logIn(person, party.client, party.at.redirect, scope, {}, { username, password });
  const { offer, secret } = (await call(party.client, weak, 'POST', '/v1/account/totp')).json;
  person.secret = secret;
  await call(party.client, weak, 'POST', '/v1/account/totp/confirm', { offer, code: totp(secret), label: '手机' });
  const strong = await logIn(person, party.client, party.at.redirect, scope, { acr_values: 'urn:xinyin:acr:p0a2' }, { username, password });
  assert.equal((await call(party.client, strong, 'GET', '/v1/account')).status, 200);
  const gone = await call(party.client, strong, 'GET', '/v1/staff/requests');
  assert.equal(gone.status, 404);
  assert.equal(gone.json.key, 'http.not_found');
});

test('6.2.5a: a document by four eyes, asked for once however often it is sent', async () => {
  const username = await register(password);
  const { id } = (await one.ask('POST', '/people/find', { login_name: username })).json;
  const id_number = freshCitizen();
  const body = { kind: 'document', id_type: 'cn-id', id_number };
  const key = randomBytes(12).toString('hex');
  const sent = await Promise.all([1, 2, 3, 4].map(() => one.ask('POST', `/people/${id}/requests`, body, key)));
  assert.deepEqual(sent.map((each) => each.status), [201, 201, 201, 201]);
  const { request } = sent[0].json;
  assert.ok(sent.every((each) => each.json.request === request));
  assert.equal((await one.ask('GET', `/requests/${request}`)).json.change.id_number, id_number, 'whole, to be compared');
  assert.equal((await one.ask('POST', `/requests/${request}/approve`, {})).status, 403);
  assert.deepEqual((await two.ask('POST', `/requests/${request}/approve`, { reason: '已核对原件' })).json, { outcome: 'done' });
  assert.equal((await two.ask('POST', '/people/find', { id_type: 'cn-id', id_number })).json.id, id);
  const text = JSON.stringify((await two.ask('GET', `/people/${id}`)).json);
  assert.ok(!text.includes(id_number) && text.includes(id_number.slice(14)), 'shown in part');
});

test('6.1.2e: a portal and a token for registering come in with an approval at the command line and one here', async () => {
  const client_id = `staff-api-${randomBytes(5).toString('hex')}`;
  const metadata = { client_id, client_name: '某平台', kind: 'third_party', operator: '某公司', scope: 'openid',
    agreement: { number: '2026-017', until: '2028-12-31' }, redirect_uris: [party.at.redirect], grant_types: ['authorization_code'] };
  const refused = await one.ask('POST', '/portals', { ...metadata, scope: 'openid staff' }, 'no');
  assert.equal(refused.status, 400, 'no platform of others works as staff');
  const { request } = (await one.ask('POST', '/portals', metadata, client_id)).json;
  const first = portal(staff[0], 'approve', request);
  assert.equal(first.exit, 4, JSON.stringify(first.said));
  const last = (await two.ask('POST', `/requests/${request}/approve`, {})).json;
  assert.equal(last.outcome, 'done');
  const brought = new issuer.Client({ client_id, client_secret: last.secret, redirect_uris: [party.at.redirect],
    response_types: ['code'], id_token_signed_response_alg: 'ES256' });
  const username = await register(password);
  const tokens = await logIn(new Careful(tryThis.issuer), brought, party.at.redirect, 'openid', {}, { username, password });
  assert.equal((await one.ask('POST', `/portals/${client_id}/suspend`, { reason: '违约' })).status, 204);
  assert.equal(await userinfo(brought, tokens), 401);

  const until = new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10);
  const token = { uses: 2, until, scope: 'openid', hosts: ['app.example'], operator: '某公司', agreement: { number: '2026-018', until: '2028-12-31' } };
  const asked = (await two.ask('POST', '/initial-tokens', token, randomBytes(12).toString('hex'))).json.request;
  assert.equal(portal(staff[0], 'approve', asked).exit, 4);
  const { secret } = (await one.ask('POST', `/requests/${asked}/approve`, {})).json;
  const own = { client_name: '应用', redirect_uris: ['https://app.example/cb'] };
  const made = await issuer.Client.register(own, { initialAccessToken: secret });
  assert.ok(made.client_id);
  const { tokens: open } = (await one.ask('GET', '/initial-tokens')).json;
  const mine = open.find((each) => each.operator === '某公司' && each.uses_left === 1 && each.made_by === one.subject);
  assert.ok(mine, JSON.stringify(open));
  assert.equal((await two.ask('DELETE', `/initial-tokens/${mine.id}`)).status, 204);
  await assert.rejects(issuer.Client.register(own, { initialAccessToken: secret }), (thrown) => thrown.error === 'invalid_token');
});

test('6.2.5e: all of it stands in the trail, with who did it and without numbers', async () => {
  const { lines } = (await two.ask('GET', `/trail?mode=actor&id=${one.subject}`)).json;
  for (const act of ['subject.lock', 'staff.find', 'identity.ask', 'portal.propose', 'client.suspend', 'portal.approve'])
    assert.ok(lines.some((line) => line.act === act), act);
  assert.equal(sql(`select count(*) from audit.entry where actor = '${one.subject}' and facts::text ~ '[0-9]{17}[0-9X]'`).trim(), '0');
});

await runTests();
