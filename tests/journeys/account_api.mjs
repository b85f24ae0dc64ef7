// The own account as JSON, as a portal's program meets it: openid-client gets the token, follows what RFC 9470 tells
// it, and hears of the consent that was taken back; oathtool makes the codes. LD/T 01-2020 6.2.4-6.2.6.
import { generateKeyPairSync } from 'node:crypto';
import { assert, runTests, test, tryThis } from './support.mjs';
import { decide, eventually, portal, staff } from './portals.mjs';
import { Careful, issuer, logIn, relyingParty, totp, verified } from './relying_party.mjs';
import { register } from './visit.mjs';

const password = 'kelp lantern orbit thistle';
const scope = 'openid account';

async function member() {
  const party = await relyingParty({ scope: 'openid account' });
  const person = new Careful(tryThis.issuer);
  const as = { username: await register(password), password };
  return { party, person, tokens: await logIn(person, party.client, party.at.redirect, scope, {}, as), as };
}

/** openid-client's own call of a protected resource. */
async function call(client, tokens, method, path, body, options = {}) {
  const answer = await client.requestResource(`${tryThis.issuer}/v1/account${path}`, tokens.access_token, {
    method, ...(body ? { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } } : {}), ...options });
  const text = answer.body?.toString() ?? '';
  return { status: answer.statusCode, headers: answer.headers, json: text ? JSON.parse(text) : undefined };
}

test('a person manages his account through a portal that he allowed to', async () => {
  const { party, tokens, as } = await member();
  const own = await call(party.client, tokens, 'GET', '');
  assert.equal(own.status, 200);
  assert.equal(own.json.login_name, as.username);
  assert.match(own.json.details.mobile, /^138\*+8000$/);
  assert.match(own.json.documents[0].number, /\*/);
  const { sessions } = (await call(party.client, tokens, 'GET', '/sessions')).json;
  assert.deepEqual(sessions.filter((one) => one.current).map((one) => one.id), [tokens.claims().sid],
    'the session goes by the name that the ID token gave it');
  const { consents } = (await call(party.client, tokens, 'GET', '/consents')).json;
  assert.deepEqual(consents.map((one) => one.client_id), [party.id]);
  party.at.close();
});

test('RFC 9470: the challenge, followed by openid-client, leads through the second step to a token that may', async () => {
  const { party, person, tokens, as } = await member();
  const { offer, secret } = (await call(party.client, tokens, 'POST', '/totp')).json;
  const wrong = await call(party.client, tokens, 'POST', '/totp/confirm', { offer, code: '000000', label: '手机' });
  assert.equal(wrong.status, 400);
  assert.equal(wrong.json.key, 'auth.code.wrong');
  const added = await call(party.client, tokens, 'POST', '/totp/confirm', { offer, code: totp(secret), label: '手机' });
  assert.equal(added.status, 204);
  person.secret = secret;

  const refused = await call(party.client, tokens, 'GET', '/export');
  assert.equal(refused.status, 401);
  const challenge = refused.headers['www-authenticate'];
  assert.match(challenge, /error="insufficient_user_authentication"/);
  const [, acr_values] = /acr_values="([^"]+)"/.exec(challenge);
  const [, max_age] = /max_age="([^"]+)"/.exec(challenge);
  const strong = await logIn(person, party.client, party.at.redirect, scope, { acr_values, max_age: Number(max_age) }, as);
  assert.ok(strong.claims().amr.includes('otp') || strong.claims().amr.includes('mfa'), JSON.stringify(strong.claims()));
  const file = await call(party.client, strong, 'GET', '/export');
  assert.equal(file.status, 200);
  assert.ok(file.json.proof);
  assert.equal((await call(party.client, tokens, 'GET', '/export')).status, 401, 'the older token grew with the session');
  party.at.close();
});

test('RFC 9449: a token that is bound is taken with its proof alone', async () => {
  const { party, person, as } = await member();
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kept = await logIn(person, party.client, party.at.redirect, scope, {}, as, { DPoP: privateKey });
  assert.equal(kept.token_type, 'DPoP');
  assert.equal((await call(party.client, kept, 'GET', '', undefined, { DPoP: privateKey, tokenType: 'DPoP' })).status, 200);
  assert.equal((await call(party.client, kept, 'GET', '', undefined, { tokenType: 'Bearer' })).status, 401);
  party.at.close();
});

test('PIPL 15: who takes a consent back ends the tokens, and the portal hears of it', async () => {
  const { party, tokens } = await member();
  assert.equal((await call(party.client, tokens, 'DELETE', `/consents/${party.id}`)).status, 204);
  assert.equal((await call(party.client, tokens, 'GET', '')).status, 401);
  await eventually(() => party.at.received.length > 0, 'a logout token');
  const { payload } = await verified(party.at.received[0], party.id);
  assert.equal(payload.sub, tokens.claims().sub);
  assert.equal(payload.sid, tokens.claims().sid);
  party.at.close();
});

test('two secrets: a portal changes over without a gap, and the old one is ended before its time', async () => {
  const { party, person, as } = await member();
  const fresh = decide('rotate-secret', party.id, '--overlap', '3');
  const renewed = new issuer.Client({ ...party.client.metadata, client_secret: fresh });
  for (const client of [party.client, renewed]) {
    const tokens = await logIn(person, client, party.at.redirect, scope, {}, as);
    assert.equal((await call(client, tokens, 'GET', '')).status, 200);
  }
  const shown = portal(staff[0], 'show', party.id).data;
  assert.ok(Date.parse(shown.old_secret_until) > Date.now() + 2 * 86_400_000);
  assert.equal(portal(staff[1], 'end-old-secret', party.id, '--reason', '泄露').exit, 0);
  await assert.rejects(logIn(person, party.client, party.at.redirect, scope, {}, as),
    (thrown) => thrown.error === 'invalid_client');
  assert.ok(await logIn(person, renewed, party.at.redirect, scope, {}, as));
  party.at.close();
});

await runTests();
