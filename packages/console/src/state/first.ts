// What has to be there before anything is drawn: else a dark page would begin with a flash of
// white.

import { startTheme } from './theme';

startTheme();
