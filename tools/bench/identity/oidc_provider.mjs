// oidc-provider (npm) as a host application would run it: one process, tokens in memory, ES256, PKCE S256 always,
// pages for login and consent. Settings come as JSON in argument 1; prints one line when it listens.
import http from 'node:http';
import { hash as argon2Hash, verify as argon2Verify } from '@node-rs/argon2';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

const { port, clientId, clientSecret, redirectUri, password, hashing } = JSON.parse(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const audience = 'https://api.bench.example';
const MOST = 400_000;

/** The adapter's contract over one Map; the oldest entries go when it is full. */
const store = new Map();
const byUid = new Map();
const byGrant = new Map();
class Memory {
  constructor(name) { this.name = name; }

  key(id) { return `${this.name}:${id}`; }

  async upsert(id, payload, expiresIn) {
    const key = this.key(id);
    if (this.name === 'Session') byUid.set(payload.uid, id);
    if (payload.grantId && this.name !== 'Session' && this.name !== 'Grant') {
      if (!byGrant.has(payload.grantId)) byGrant.set(payload.grantId, []);
      byGrant.get(payload.grantId).push(key);
    }
    store.set(key, { payload, expires: expiresIn ? Date.now() + expiresIn * 1000 : Infinity });
    if (store.size > MOST) store.delete(store.keys().next().value);
  }

  async find(id) {
    const entry = store.get(this.key(id));
    return entry && entry.expires > Date.now() ? entry.payload : undefined;
  }

  async findByUid(uid) { return this.find(byUid.get(uid)); }

  async findByUserCode() { return undefined; }

  async consume(id) { store.get(this.key(id)).payload.consumed = Math.floor(Date.now() / 1000); }

  async destroy(id) { store.delete(this.key(id)); }

  async revokeByGrantId(grantId) {
    for (const key of byGrant.get(grantId) ?? []) store.delete(key);
    byGrant.delete(grantId);
  }
}

const { privateKey } = await generateKeyPair('ES256', { extractable: true });
const jwk = { ...await exportJWK(privateKey), alg: 'ES256', use: 'sig', kid: 'bench' };
const stored = hashing === 'argon2id'
  ? await argon2Hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 }) : password;
const isRight = (typed) => (hashing === 'argon2id' ? argon2Verify(stored, typed) : typed === stored);

const provider = new Provider(issuer, {
  adapter: Memory,
  jwks: { keys: [jwk] },
  clients: [{
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
    id_token_signed_response_alg: 'ES256',
  }],
  enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
  pkce: { required: () => true, methods: ['S256'] },
  claims: { openid: ['sub'], profile: ['name'] },
  findAccount: async (_, sub) => ({ accountId: sub, claims: async () => ({ sub, name: '张小三' }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  cookies: { keys: ['bench-cookie-key-of-no-consequence'] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => false,
      getResourceServerInfo: () => ({
        scope: 'read', audience, accessTokenTTL: 600, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  ttl: { AccessToken: 3600, AuthorizationCode: 60, ClientCredentials: 600, IdToken: 600, Grant: 3600, Session: 3600, Interaction: 600 },
});

const page = (action, fields) => `<!doctype html><html lang="en"><title>Log in</title><body><form method="post" action="${action}">${fields}</form></body></html>`;

async function body(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return new URLSearchParams(text);
}

async function interaction(request, response) {
  const { uid, prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (request.method === 'GET') {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(prompt.name === 'login'
      ? page(`/interaction/${uid}`, '<input name="login_name"><input name="password" type="password">')
      : page(`/interaction/${uid}`, `<p>${params.scope}</p><button name="decision" value="grant">Yes</button>`));
    return;
  }
  const form = await body(request);
  if (prompt.name === 'login') {
    if (!await isRight(form.get('password'))) {
      response.statusCode = 401;
      response.end('wrong');
      return;
    }
    await provider.interactionFinished(request, response, { login: { accountId: form.get('login_name') } }, { mergeWithLastSubmission: false });
    return;
  }
  const grant = grantId ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(' '));
  if (prompt.details.missingOIDCClaims) grant.addOIDCClaims(prompt.details.missingOIDCClaims);
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

const callback = provider.callback();
http.createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) return callback(request, response);
  return interaction(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(String(error));
  });
}).listen(port, '127.0.0.1', () => process.stdout.write('ready\n'));
