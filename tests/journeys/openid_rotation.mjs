// A change of token keys as a client sees it: openid-client fetches the key set once, while the old key signs and the
// next one is published, and goes on verifying when the new one signs. Run by officers_journey.py, which changes the keys.
import http from 'node:http';
import { Issuer, generators, custom } from 'openid-client';
import { assert, Person, runTests, test, tryThis } from './support.mjs';
import { bringIn, eventually } from './portals.mjs';

custom.setHttpOptionsDefaults({ timeout: 15_000 });
let fetched = 0;
const ask = http.request;
http.request = function counted(...given) {
  if (given.some((one) => String(one?.path ?? one?.href ?? '').includes('/oauth/jwks'))) fetched += 1;
  return ask.apply(this, given);
};

const issuer = await Issuer.discover(tryThis.issuer);
const kidsOf = async () => (await (await fetch(issuer.metadata.jwks_uri)).json()).keys.filter((key) => key.alg === 'ES256')
  .map((key) => key.kid);

function clientOf(metadata) {
  return new issuer.Client({ redirect_uris: [tryThis.redirect_uri], response_types: ['code'],
    id_token_signed_response_alg: 'ES256', ...metadata });
}

async function logIn(client) {
  const kept = { code_verifier: generators.codeVerifier(), state: generators.state(), nonce: generators.nonce() };
  const url = client.authorizationUrl({ scope: 'openid profile', state: kept.state, nonce: kept.nonce,
    code_challenge: generators.codeChallenge(kept.code_verifier), code_challenge_method: 'S256' });
  const { location, body } = await new Person(tryThis.issuer).authorize(url, tryThis.redirect_uri);
  assert.ok(location, `no redirect back: ${body}`);
  const tokens = await client.callback(tryThis.redirect_uri, client.callbackParams(location.href), kept);
  return { tokens, kid: JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url')).kid };
}

test('a client with the key set of before the change verifies what the new key signs', async () => {
  const client = clientOf({ client_id: tryThis.client_id, client_secret: tryThis.client_secret });
  assert.equal((await kidsOf()).length, 2, 'the next key is published before it signs');
  const first = await logIn(client);
  const other = (await kidsOf()).find((kid) => kid !== first.kid);
  fetched = 0;
  const last = await eventually(async () => {
    const one = await logIn(client);
    return one.kid === other ? one : null;
  }, 'the next key signs', 90);
  assert.equal(fetched, 0, 'the key set was fetched again');
  assert.equal((await client.userinfo(last.tokens)).sub, last.tokens.claims().sub);
  assert.equal((await client.userinfo(first.tokens)).sub, first.tokens.claims().sub, "the earlier key's tokens live on");
  assert.equal((await kidsOf()).length, 2, 'the earlier key is published still');
});

test('Discovery §3: RS256 is offered now, and a client that asks for it gets it', async () => {
  const found = await Issuer.discover(tryThis.issuer);
  assert.ok(found.metadata.id_token_signing_alg_values_supported.includes('RS256'));
  const registered = bringIn({ redirect_uris: [tryThis.redirect_uri], scope: 'openid profile',
    id_token_signed_response_alg: 'RS256', sector: 'rotation' });
  const { tokens } = await logIn(clientOf({ ...registered, id_token_signed_response_alg: 'RS256' }));
  assert.equal(JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url')).alg, 'RS256');
});

await runTests();
