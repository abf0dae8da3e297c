// Runs one statement on one shard, as a program of one release would: the search_path is all that
// tells the releases apart. Usage: node sql.mjs RELEASE SHARD STATEMENT

import { readFileSync } from 'node:fs';
import pg from 'pg';

const [release, shard, statement] = process.argv.slice(2);
const schema = `inventory_${release.replaceAll('.', '_')}`;
const client = new pg.Client({
  connectionString: readFileSync(`${shard}.url`, 'utf8'),
  options: `-c search_path="${schema}",public`,
});
await client.connect();
try {
  const { command, fields, rows, rowCount } = await client.query(statement);
  if (fields.length > 0) process.stdout.write(tableOf(fields, rows));
  else process.stdout.write(`${command} ${rowCount}\n`);
} catch (error) {
  process.stdout.write(`ERROR ${error.code}: ${error.message}\n`);
  if (error.hint) process.stdout.write(`HINT: ${error.hint}\n`);
  process.exitCode = 1;
} finally {
  await client.end();
}

function tableOf(fields, rows) {
  const lines = [fields.map((field) => field.name), ...rows.map((row) => Object.values(row))];
  const texts = lines.map((line) => line.map((value) => (value === null ? '-' : String(value))));
  const widths = fields.map((_, at) => Math.max(...texts.map((line) => line[at].length)));
  const text = (line) => line.map((cell, at) => cell.padEnd(widths[at])).join('  ');
  return texts.map((line) => `${text(line).trimEnd()}\n`).join('');
}
