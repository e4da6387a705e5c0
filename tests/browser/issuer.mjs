// An issuer of OpenID Connect on this machine: `oidc-provider`, which is certified for it. Whoever names a login is let in.

import { createServer } from 'node:http';
import Provider from 'oidc-provider';

export const CLIENT = 'approvals';
export const SECRET = 'a secret of 32 characters, at least';

/** A port that nobody has now. */
export function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** An issuer for a client at an address. */
export async function issuer(address) {
  const port = await freePort();
  const name = `http://127.0.0.1:${port}`;
  const provider = new Provider(name, {
    clients: [
      {
        client_id: CLIENT,
        client_secret: SECRET,
        redirect_uris: [`${address}/login/callback`],
        post_logout_redirect_uris: [`${address}/login`],
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['of this test only'] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: `${id} of the issuer`, email: `${id}@example.com` }) }),
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  });
  const listening = createServer(provider.callback());
  await new Promise((done) => listening.listen(port, '127.0.0.1', done));
  const end = () => new Promise((done) => (listening.closeAllConnections(), listening.close(done)));
  return { name, end };
}

/** Logs in at the issuer as it asks: a name, any password, and a consent. */
export async function atIssuer(page, user) {
  if (await page.locator('input[name=login]').count()) {
    await page.locator('input[name=login]').fill(user);
    await page.locator('input[name=password]').fill('any');
    await page.locator('button[type=submit]').click();
  }
  const consent = page.getByRole('button', { name: 'Continue' });
  if (await consent.count()) await consent.click();
}
