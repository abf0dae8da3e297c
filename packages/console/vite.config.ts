// How the console becomes files: one script and one style, so that a page that is open needs no
// other file of a server that meanwhile has another release.

import { readFileSync } from 'node:fs';
import { defineConfig } from 'vite';

const manifest = readFileSync(new URL('package.json', import.meta.url), 'utf8');
const { version } = JSON.parse(manifest) as { readonly version: string };

export default defineConfig({
  root: import.meta.dirname,
  // The same files, whoever builds them: tests run in an environment of their own.
  define: { HALFLAP_RELEASE: JSON.stringify(version), 'process.env.NODE_ENV': '"production"' },
  oxc: { jsx: { development: false } },
  build: {
    // Nothing is written into a file that a policy would then have to allow in it.
    assetsInlineLimit: 0,
    modulePreload: false,
    // The script of everything is this long, and there is one.
    chunkSizeWarningLimit: 2000,
    cssCodeSplit: false,
    emptyOutDir: true,
    rolldownOptions: {
      output: { codeSplitting: false },
      // Libraries say so in every file which parts may run on a server; none does here.
      onLog(level, log, tell) {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') tell(level, log);
      },
    },
  },
});
