// What somebody who is not signed in has to know to be it: the ways in, and whether this cluster
// waits for its first user.

import { Type } from 'typebox';
import { askHome } from '../../store/home.js';
import type { Api } from '../app.js';
import { type Route, read } from '../route.js';

export const SignInWays = Type.Object({
  signedIn: Type.Boolean({ description: 'Whether who asks is signed in already.' }),
  needsSetup: Type.Boolean({ description: 'There is no user yet.' }),
  provider: Type.Boolean({ description: 'Whether /api/v1/oidc/start leads to a provider.' }),
});

export function signInRoutes(api: Api): readonly Route[] {
  const hasProvider = api.settings.oidc !== undefined;
  return [
    read({
      method: 'GET',
      path: '/api/v1/sign-in',
      summary: 'How one may sign in.',
      permission: 'anyone',
      answer: SignInWays,
      async handle({ request }) {
        const signedIn = (await api.identify(request)) !== null;
        if (signedIn) return { signedIn, needsSetup: false, provider: hasProvider };
        const [row] = await askHome<{ is_empty: boolean }>(
          api.store,
          'select not exists (select from users) as is_empty',
          [],
        );
        return { signedIn, needsSetup: row?.is_empty ?? false, provider: hasProvider };
      },
    }),
  ];
}
