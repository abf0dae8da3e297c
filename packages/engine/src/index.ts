// The engine: releases in, SQL out, shards moved.
export * from './compile/bundle.js';
export * from './release/catalog.js';
export * from './release/evolution.js';
export * from './release/release.js';
