// The npm package openid-client, a certified relying party, against our provider: the whole round, and
// what the RFCs say must be refused.
import { Issuer, generators, custom } from 'openid-client';
import { assert, Person, runTests, test, tryThis } from './support.mjs';

custom.setHttpOptionsDefaults({ timeout: 15_000 });

const issuer = await Issuer.discover(tryThis.issuer);
const redirect = tryThis.redirect_uri;
const scope = 'openid profile documents';
const registered = {
  client_id: tryThis.client_id,
  client_secret: tryThis.client_secret,
  redirect_uris: [redirect],
  response_types: ['code'],
  id_token_signed_response_alg: 'ES256',
  token_endpoint_auth_method: 'client_secret_basic',
};
const client = new issuer.Client(registered);

function begin(more = {}) {
  const kept = {
    code_verifier: generators.codeVerifier(),
    state: generators.state(),
    nonce: generators.nonce(),
  };
  const url = client.authorizationUrl({
    scope,
    state: kept.state,
    nonce: kept.nonce,
    code_challenge: generators.codeChallenge(kept.code_verifier),
    code_challenge_method: 'S256',
    ...more,
  });
  return { ...kept, url };
}

async function codeFor(more) {
  const kept = begin(more);
  const { location, body } = await new Person(tryThis.issuer).authorize(kept.url, redirect);
  assert.ok(location, `no redirect back: ${body}`);
  return { ...kept, params: client.callbackParams(location.href) };
}

const checks = (kept) => ({ code_verifier: kept.code_verifier, state: kept.state, nonce: kept.nonce });
const refused = (error) => (thrown) => {
  assert.equal(thrown.error ?? thrown.name, error, thrown.stack);
  return true;
};

test('OpenID Discovery 1.0 §3: the document names what is served and nothing older', () => {
  const found = issuer.metadata;
  assert.equal(found.issuer, tryThis.issuer);
  assert.deepEqual(found.response_types_supported, ['code']);
  assert.deepEqual(found.code_challenge_methods_supported, ['S256']);
  assert.ok(found.id_token_signing_alg_values_supported.includes('ES256'));
  assert.ok(!found.id_token_signing_alg_values_supported.includes('none'));
  assert.equal(found.authorization_response_iss_parameter_supported, true);
  for (const name of ['authorization', 'token', 'userinfo', 'end_session']) {
    assert.ok(found[`${name}_endpoint`].startsWith(tryThis.issuer), name);
  }
});

test('RFC 7636, Core §3.1: login with PKCE, validated ID token, userinfo', async () => {
  const kept = await codeFor();
  const tokens = await client.callback(redirect, kept.params, checks(kept));
  const claims = tokens.claims();
  assert.equal(claims.iss, tryThis.issuer);
  assert.equal(claims.nonce, kept.nonce);
  assert.equal([claims.aud].flat().join(), tryThis.client_id);
  assert.ok(claims.auth_time === undefined || claims.auth_time <= claims.iat);
  assert.equal(tokens.token_type.toLowerCase(), 'bearer');
  assert.ok(tokens.expires_in > 0 && tokens.expires_in <= 3600);
  const info = await client.userinfo(tokens);
  assert.equal(info.sub, claims.sub);
  assert.equal(info.name, tryThis.name);
});

test('client_secret_post is accepted or refused as discovery says', async () => {
  const supported = issuer.metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const other = new issuer.Client({ ...registered, token_endpoint_auth_method: 'client_secret_post' });
  const kept = await codeFor();
  if (supported.includes('client_secret_post')) {
    assert.ok((await other.callback(redirect, kept.params, checks(kept))).id_token);
  } else {
    await assert.rejects(other.callback(redirect, kept.params, checks(kept)), refused('invalid_client'));
  }
});

test('RFC 6749 §4.1.2: a code works once; a second use also kills its token', async () => {
  const kept = await codeFor();
  const tokens = await client.callback(redirect, kept.params, checks(kept));
  await assert.rejects(client.callback(redirect, kept.params, checks(kept)), refused('invalid_grant'));
  await assert.rejects(client.userinfo(tokens), 'the token of a replayed code still works');
});

test('RFC 6749 §10.5: of eight redemptions of one code at once, at most one succeeds', async () => {
  const kept = await codeFor();
  const all = await Promise.allSettled(
    Array.from({ length: 8 }, () => client.callback(redirect, kept.params, checks(kept))));
  const good = all.filter((one) => one.status === 'fulfilled').length;
  assert.ok(good <= 1, `${good} of 8 succeeded`);
  for (const one of all) {
    if (one.status === 'rejected') assert.equal(one.reason.error, 'invalid_grant', one.reason.stack);
  }
});

test('RFC 7636 §4.6: a missing verifier and a wrong verifier are invalid_grant or invalid_request', async () => {
  let kept = await codeFor();
  await assert.rejects(
    client.callback(redirect, kept.params, { ...checks(kept), code_verifier: undefined }),
    (thrown) => ['invalid_grant', 'invalid_request'].includes(thrown.error));
  kept = await codeFor();
  await assert.rejects(
    client.callback(redirect, kept.params, { ...checks(kept), code_verifier: generators.codeVerifier() }),
    refused('invalid_grant'));
});

test('RFC 9700 §2.1.1: no challenge and the plain challenge are refused', async () => {
  for (const more of [
    { code_challenge: undefined, code_challenge_method: undefined },
    { code_challenge_method: 'plain' },
    { code_challenge_method: undefined },
  ]) {
    const { location } = await new Person(tryThis.issuer).authorize(begin(more).url, redirect);
    assert.equal(location?.searchParams.get('error'), 'invalid_request', JSON.stringify(more));
    assert.equal(location.searchParams.get('code'), null);
  }
});

test('Core §3.1.2.1: a foreign nonce is noticed by the client', async () => {
  const kept = await codeFor();
  await assert.rejects(
    client.callback(redirect, kept.params, { ...checks(kept), nonce: generators.nonce() }),
    /nonce mismatch/);
});

test('RFC 6749 §4.1.2.1, RFC 9700 §4.1: a wrong redirect URI gets a page, never a redirect', async () => {
  for (const wrong of [`${redirect}/`, `${redirect}x`, `${redirect}?x=1`, redirect.replace('http:', 'https:'),
    redirect.replace('127.0.0.1', 'localhost'), 'https://example.com/callback', 'javascript:alert(1)']) {
    const answer = await new Person(tryThis.issuer).ask(begin({ redirect_uri: wrong }).url);
    assert.equal(answer.status, 400, wrong);
    assert.equal(answer.headers.get('location'), null, wrong);
  }
});

test('RFC 6749 §4.1.3: another redirect URI at the token endpoint is invalid_grant', async () => {
  const kept = await codeFor();
  await assert.rejects(client.grant({
    grant_type: 'authorization_code', code: kept.params.code, code_verifier: kept.code_verifier,
    redirect_uri: `${redirect}/other`,
  }), refused('invalid_grant'));
});

test('RFC 6749 §5.2: a wrong secret and an unknown client are invalid_client with 401', async () => {
  const kept = await codeFor();
  for (const wrong of [{ client_secret: 'wrong' }, { client_id: 'nobody' }]) {
    const other = new issuer.Client({ ...registered, ...wrong });
    await assert.rejects(other.callback(redirect, kept.params, checks(kept)), (thrown) => {
      assert.equal(thrown.error, 'invalid_client');
      assert.equal(thrown.response.statusCode, 401);
      assert.match(thrown.response.headers['www-authenticate'] ?? '', /^Basic/);
      return true;
    });
  }
});

test('RFC 6749 §4.1.2.1: refusing consent is access_denied with the state, and no code', async () => {
  const kept = begin({ prompt: 'consent' });
  const { location, body } = await new Person(tryThis.issuer).authorize(kept.url, redirect, { decision: 'refuse' });
  assert.ok(location, body);
  assert.equal(location.searchParams.get('error'), 'access_denied');
  assert.equal(location.searchParams.get('state'), kept.state);
  assert.equal(location.searchParams.get('code'), null);
});

test('RFC 9207: the answer names its issuer', async () => {
  assert.equal((await codeFor()).params.iss, tryThis.issuer);
});

test('a wrong password gives no code and does not tell which part was wrong', async () => {
  const pages = [];
  for (const who of [{ username: tryThis.username, password: 'not this one' }, { username: 'nobody-at-all', password: 'x' }]) {
    const person = new Person(tryThis.issuer);
    const page = await person.ask(begin().url);
    const login = new URL(page.headers.get('location'), tryThis.issuer).href;
    const shown = await (await person.ask(login)).text();
    const fields = { csrf: /name="csrf" value="([^"]*)"/.exec(shown)[1],
      return_to: /name="return_to" value="([^"]*)"/.exec(shown)[1].replaceAll('&amp;', '&'),
      login_name: who.username, password: who.password };
    const answer = await person.send(new URL('/login', tryThis.issuer).href, fields);
    assert.ok(answer.status === 401 || answer.status === 200, `status ${answer.status}`);
    pages.push((await answer.text()).replaceAll(who.username, '').replace(/nonce="[^"]*"|value="[^"]*"|href="\/register[^"]*"/g, ''));
  }
  assert.equal(pages[0], pages[1]);
});

test('Core §5.3.3, RFC 6750 §3.1: a token that is no token is 401 invalid_token', async () => {
  for (const token of ['x', 'a.b.c', '']) {
    const answer = await fetch(issuer.metadata.userinfo_endpoint, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get('www-authenticate') ?? '', /Bearer/);
  }
});

test('RP-Initiated Logout 1.0: ends the session and comes back only to a registered address', async () => {
  const kept = begin();
  const person = new Person(tryThis.issuer);
  const { location } = await person.authorize(kept.url, redirect);
  const tokens = await client.callback(redirect, client.callbackParams(location.href), checks(kept));
  const foreign = await person.ask(client.endSessionUrl({
    id_token_hint: tokens.id_token, post_logout_redirect_uri: 'https://example.com/' }));
  assert.ok(!(foreign.headers.get('location') ?? '').startsWith('https://example.com'), 'open redirect');
  const back = await person.ask(client.endSessionUrl({
    id_token_hint: tokens.id_token, post_logout_redirect_uri: tryThis.post_logout_redirect_uri, state: 'bye' }));
  assert.ok([302, 303].includes(back.status), `status ${back.status}`);
  const target = new URL(back.headers.get('location'));
  assert.ok(target.href.startsWith(tryThis.post_logout_redirect_uri), target.href);
  assert.equal(target.searchParams.get('state'), 'bye');
  const silent = await person.authorize(begin({ prompt: 'none' }).url, redirect);
  assert.equal(silent.location?.searchParams.get('error'), 'login_required');
});

test('the ID token is signed by the key that the trust list names for OpenID', async () => {
  const kept = await codeFor();
  const tokens = await client.callback(redirect, kept.params, checks(kept));
  const header = JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url'));
  assert.equal(header.alg, 'ES256');
  const keys = (await (await fetch(issuer.metadata.jwks_uri)).json()).keys;
  const key = keys.find((one) => one.kid === header.kid);
  assert.ok(key, 'kid is published');
  assert.ok(!('d' in key), 'a private key is published');
});

await runTests();
