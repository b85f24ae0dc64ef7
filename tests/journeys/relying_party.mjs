// A relying party made of openid-client and jose, which others wrote: brought in as any portal is, it logs people
// in and listens where it is told of logouts.
import http from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { Issuer, generators, custom } from 'openid-client';
import { assert, tryThis } from './support.mjs';
import { bringIn, freePort } from './portals.mjs';

custom.setHttpOptionsDefaults({ timeout: 15_000 });
export const issuer = await Issuer.discover(tryThis.issuer);
const keys = createRemoteJWKSet(new URL(issuer.metadata.jwks_uri));
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** A relying party's logout address; answers with `status`, keeps what it was sent. */
export async function listener() {
  const port = await freePort();
  const out = { received: [], status: 200, uri: `http://127.0.0.1:${port}/out`, redirect: `http://127.0.0.1:${port}/cb` };
  const server = http.createServer((request, answer) => {
    let body = '';
    request.on('data', (piece) => { body += piece; });
    request.on('end', () => {
      assert.equal(request.headers['content-type'], 'application/x-www-form-urlencoded');
      out.received.push(new URLSearchParams(body).get('logout_token'));
      answer.writeHead(out.status, { 'cache-control': 'no-store' }).end();
    });
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  out.close = () => server.close();
  return out;
}

/** Back-Channel Logout 1.0 §2.6. */
export async function verified(token, client_id) {
  const { payload, protectedHeader } = await jwtVerify(token, keys, {
    issuer: tryThis.issuer, audience: client_id, typ: 'logout+jwt', requiredClaims: ['iat', 'exp', 'jti', 'events', 'sub', 'sid'],
    algorithms: ['ES256', 'RS256', 'EdDSA'] });
  assert.deepEqual(payload.events[EVENT], {});
  assert.equal(payload.nonce, undefined);
  assert.ok(payload.exp - payload.iat <= 120);
  return { payload, protectedHeader };
}

export async function logIn(person, client, redirect, scope = 'openid', more = {}, as = {}, extras = {}) {
  const kept = { code_verifier: generators.codeVerifier(), state: generators.state(), nonce: generators.nonce() };
  const url = client.authorizationUrl({ scope, state: kept.state, nonce: kept.nonce, redirect_uri: redirect,
    code_challenge: generators.codeChallenge(kept.code_verifier), code_challenge_method: 'S256', ...more });
  const { location, body } = await person.authorize(url, redirect, as);
  assert.ok(location, `no redirect back: ${body}`);
  return client.callback(redirect, client.callbackParams(location.href), kept, extras);
}

export async function relyingParty(more = {}) {
  const at = await listener();
  const registered = bringIn({
    redirect_uris: [at.redirect], scope: 'openid profile', backchannel_logout_uri: at.uri,
    backchannel_logout_session_required: true, ...more });
  const client = new issuer.Client({ ...registered, redirect_uris: [at.redirect], response_types: ['code'],
    id_token_signed_response_alg: 'ES256' });
  return { at, client, id: registered.client_id };
}
