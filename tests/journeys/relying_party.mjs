// A relying party made of openid-client and jose, which others wrote: brought in as any portal is, it logs people
// in and listens where it is told of logouts.
import { execFileSync } from 'node:child_process';
import http from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { Issuer, generators, custom } from 'openid-client';
import { assert, formOf, Person, tryThis } from './support.mjs';
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

export const totp = (secret, later = 0) =>
  execFileSync('oathtool', ['--totp', '--base32', '--now', new Date(Date.now() + later * 1000).toISOString().replace('T', ' ').slice(0, 19) + ' UTC', secret],
    { encoding: 'utf8' }).trim();

/** A person who shows an authenticator app where the second step asks for it. */
export class Careful extends Person {
  async authorize(url, redirectUri, options) {
    const got = await super.authorize(url, redirectUri, options);
    const form = got.body && formOf(got.body);
    if (!form || form.action !== '/login/second') return got;
    // The next time step: the one before was spent when the app was added.
    const sent = await this.send(new URL('/login/second', this.origin).href,
      { ...form.fields, method: 'totp', code: totp(this.secret, 30) });
    assert.equal(sent.status, 303, await sent.text());
    return super.authorize(new URL(sent.headers.get('location'), this.origin).href, redirectUri, options);
  }
}
