// Back-channel logout, dynamic registration and another signature algorithm, judged by openid-client and jose: a
// relying party that others wrote verifies what it is sent.
import { generators } from 'openid-client';
import { assert, Person, formOf, runTests, test, tryThis } from './support.mjs';
import { eventually, instanceThatDies, portal, proposeToken, staff } from './portals.mjs';
import { issuer, logIn, relyingParty, verified } from './relying_party.mjs';

test('Back-Channel Logout 1.0 §2.4–2.6: logging out at one portal is heard at the other', async () => {
  assert.equal(issuer.metadata.backchannel_logout_supported, true);
  const one = await relyingParty(), two = await relyingParty();
  const person = new Person(tryThis.issuer);
  const tokens = await logIn(person, one.client, one.at.redirect);
  const others = await logIn(person, two.client, two.at.redirect);
  assert.notEqual(tokens.claims().sid, others.claims().sid, 'two clients could compare sessions');
  const page = await person.ask(one.client.endSessionUrl({ id_token_hint: tokens.id_token }));
  assert.equal(page.status, 200);
  for (const [party, its] of [[one, tokens], [two, others]]) {
    await eventually(() => party.at.received.length > 0, 'a logout token');
    const { payload } = await verified(party.at.received[0], party.id);
    assert.equal(payload.sid, its.claims().sid);
    assert.equal(payload.sub, its.claims().sub);
    await assert.rejects(party.client.userinfo(its), 'the access token still works');
    party.at.close();
  }
  assert.equal(one.at.received.length, 1);
});

test('a portal that is away hears of it later', async () => {
  const party = await relyingParty();
  party.at.status = 503;
  const person = new Person(tryThis.issuer);
  const tokens = await logIn(person, party.client, party.at.redirect);
  await person.ask(party.client.endSessionUrl({ id_token_hint: tokens.id_token }));
  await eventually(() => party.at.received.length === 1, 'the first try');
  party.at.status = 204;
  await eventually(() => party.at.received.length === 2, 'the second try');
  const [first, second] = await Promise.all(party.at.received.map((token) => verified(token, party.id)));
  assert.equal(first.payload.sid, second.payload.sid);
  assert.notEqual(first.payload.jti, second.payload.jti);
  party.at.close();
});

test('kill -9 between taking a notice and sending it: every session is heard of all the same', async () => {
  const party = await relyingParty();
  const dying = await instanceThatDies('auth.logout_taken');
  const sids = new Set();
  // Two instances look for notices; sooner or later this one takes one, and is dead.
  for (let i = 0; i < 60 && dying.signalCode === null && dying.exitCode === null; ++i) {
    const person = new Person(tryThis.issuer);
    const tokens = await logIn(person, party.client, party.at.redirect);
    sids.add(tokens.claims().sid);
    await person.ask(party.client.endSessionUrl({ id_token_hint: tokens.id_token }));
  }
  assert.equal(dying.signalCode, 'SIGKILL', 'it never took a notice');
  await eventually(() => new Set(party.at.received).size >= sids.size, 'all are told', 100);
  const heard = await Promise.all(party.at.received.map(async (token) =>
    JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).sid));
  assert.deepEqual([...new Set(heard)].sort(), [...sids].sort());
  party.at.close();
});

test('RFC 7591, RFC 7592: openid-client registers itself, logs a person in, and is stopped by one of the staff', async () => {
  const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  const initialAccessToken = proposeToken({ uses: 1, until: day(7), scope: 'openid profile', hosts: ['127.0.0.1'],
    operator: '某公司', agreement: { number: 'J-1', until: day(60) } });
  const redirect = 'http://127.0.0.1:1/cb';
  await assert.rejects(issuer.Client.register({ client_name: '自行登记', redirect_uris: ['https://evil.example/cb'] },
    { initialAccessToken }), (thrown) => thrown.error === 'invalid_redirect_uri');
  const client = await issuer.Client.register(
    { client_name: '自行登记', redirect_uris: [redirect], id_token_signed_response_alg: 'ES256' }, { initialAccessToken });
  await assert.rejects(issuer.Client.register({ client_name: '再来', redirect_uris: [redirect] }, { initialAccessToken }),
    (thrown) => thrown.error === 'invalid_token', 'it worked twice');
  const tokens = await logIn(new Person(tryThis.issuer), client, redirect, 'openid profile');
  assert.equal(tokens.claims().aud, client.metadata.client_id);
  const again = await issuer.Client.fromUri(client.metadata.registration_client_uri, client.metadata.registration_access_token);
  assert.equal(again.metadata.client_id, client.metadata.client_id);
  assert.equal(portal(staff[1], 'suspend', client.metadata.client_id, '--reason', '演示').exit, 0);
  await assert.rejects(client.userinfo(tokens));
  const gone = await new Person(tryThis.issuer).ask(client.authorizationUrl({ scope: 'openid', state: 's',
    code_challenge: generators.codeChallenge(generators.codeVerifier()), code_challenge_method: 'S256' }));
  assert.equal(gone.status, 400);
  assert.equal(formOf(await gone.text()), null);
});

await runTests();
