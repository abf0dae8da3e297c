import { it } from 'vitest';
import { answerTo, lensShard, PLACES, STATEMENTS } from './lens-statements.js';

it('gen', async () => {
  const clients: any = {};
  for (const phase of ['prepared', 'dual']) {
    const s = await lensShard();
    await s.move('prepare');
    if (phase === 'dual') await s.move('expand');
    clients[phase] = await s.connect('2.0');
  }
  console.log('| statement | ' + Object.keys(PLACES).join(' | ') + ' |\n|' + '---|'.repeat(6));
  const out: string[] = [];
  for (const [n, f] of Object.entries(STATEMENTS)) {
    const a = [];
    for (const { phase, table } of Object.values(PLACES)) {
      const x = await answerTo(clients[phase], f(table));
      a.push(x === 'yes' ? x : '`' + x + '`');
    }
    out.push(`| ${n} | ${a.join(' | ')} |`);
  }
  console.log(out.join('\n'));
});
