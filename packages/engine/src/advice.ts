// What an operator can do about an error of PostgreSQL, of the driver or of the network: one line
// for each cause that is met in the field. The rest has to be read in the message itself.
//
// Source: manual, appendix A (SQLSTATEs); Node, "Common system errors".

interface Advice {
  /** SQLSTATEs, codes of Node, and words of the driver's messages, which have no code. */
  readonly causes: RegExp;
  readonly advice: string;
}

const ADVICE: readonly Advice[] = [
  {
    causes: /^(28P01|client password must be)/,
    advice: 'correct the password: password_env or password_file of the shard in halflap.yaml',
  },
  {
    causes: /^28000$/,
    advice: 'correct the role in the url, or allow role, database and address in pg_hba.conf',
  },
  { causes: /^3D000$/, advice: 'correct the database in the url, or create it' },
  { causes: /^(ENOTFOUND|EAI_AGAIN)$/, advice: 'correct the host in the url' },
  {
    causes: /^(ECONNREFUSED|ENOENT)$/,
    advice: 'start PostgreSQL there, or correct host and port in the url',
  },
  {
    causes: /^(E[A-Z]*UNREACH|ETIMEDOUT|timeout expired|Connection terminated due to)/,
    advice: 'look at the machine, and at what stands between it and this one (firewall, route)',
  },
  { causes: /^57P03$/, advice: 'wait until the server has started' },
  { causes: /^53300$/, advice: 'end some sessions there, or raise max_connections' },
  {
    causes: /^25006$/,
    advice: 'name the primary in the url: this server is a standby, or lets nobody write',
  },
  {
    causes: /^42501$/,
    advice:
      'use the role that owns the tables, with CONNECT on the database, CREATE on it and on public',
  },
  { causes: /^53100$/, advice: 'make room on the disk of the server' },
  { causes: /^53200$/, advice: 'make memory free on the server' },
];

/** Undefined where nothing better can be said than what the message says. */
export function adviceOn(code: string | undefined, message: string): string | undefined {
  const words = message.replace(/^SASL: [A-Z-]+: /, '');
  const isCause = ({ causes }: Advice) => causes.test(code ?? '') || causes.test(words);
  return ADVICE.find(isCause)?.advice;
}
