#!/usr/bin/env node
// What a package manager links as `halflap`: kept apart from the build, so that it is executable.
import '../dist/main.js';
