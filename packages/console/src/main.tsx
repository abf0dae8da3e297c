// Where the page begins.

import './state/first';
import '@patternfly/react-core/dist/styles/base.css';
import './console.css';
import './components/matrix/matrix.css';
import './pages/campaigns/campaigns.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import { createQueries } from './api/queries';
import { App } from './app';

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no place for the console');
createRoot(root).render(
  <QueryClientProvider client={createQueries()}>
    <App />
  </QueryClientProvider>,
);
