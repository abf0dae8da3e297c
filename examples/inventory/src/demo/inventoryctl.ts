// inventoryctl SOCKET VERB SERVER [RELEASE]: what an agent runs on the host of the servers. Exit
// code 0 when it is done.

import { request } from 'node:http';

const [socketPath = '', verb = '', server = '', release = ''] = process.argv.slice(2);
const path = `/servers/${encodeURIComponent(server)}/${encodeURIComponent(verb)}`;
const asked = request({ socketPath, path, method: 'POST' }, (response) => {
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (chunk) => {
    text += chunk;
  });
  response.on('end', () => {
    const isDone = response.statusCode === 200;
    process.stdout.write(isDone ? `${verb} ${server}: done\n` : `${verb} ${server}: ${text}\n`);
    process.exitCode = isDone ? 0 : 1;
  });
});
asked.on('error', (error) => {
  process.stderr.write(`${verb} ${server}: ${error.message}\n`);
  process.exitCode = 1;
});
asked.end(JSON.stringify({ release }));
