// Looking for nodes in PostgreSQL's syntax tree.

export type Content = Readonly<Record<string, unknown>>;

/** Contents of all nodes of one kind. */
export function nodesOf(tree: unknown, kind: string): Content[] {
  if (Array.isArray(tree)) return tree.flatMap((one) => nodesOf(one, kind));
  if (typeof tree !== 'object' || tree === null) return [];
  return Object.entries(tree).flatMap(([key, value]) => [
    ...(key === kind ? [value as Content] : []),
    ...nodesOf(value, kind),
  ]);
}
