// Tells freshDatabase() in each test file which server the run has.

import { useServer } from '@halflap/engine/testing';
import { inject } from 'vitest';

useServer(inject('serverUrl'));
