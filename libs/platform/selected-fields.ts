import type { FieldNode, FragmentDefinitionNode, GraphQLResolveInfo, SelectionSetNode } from 'graphql';

/**
 * Names of the fields that a query selects below the one under way, directly or (`deep`) at any depth, through fragments
 * too. What is not among them need not be read.
 */
export function fieldsOf(
  { fieldNodes, fragments }: Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>,
  deep = false,
): Set<string> {
  const names = new Set<string>();
  const collect = (set: SelectionSetNode | undefined): void => {
    for (const node of set?.selections ?? []) {
      if (node.kind === 'Field') {
        names.add(node.name.value);
        if (deep) collect(node.selectionSet);
      } else if (node.kind === 'InlineFragment') collect(node.selectionSet);
      else collect((fragments[node.name.value] as FragmentDefinitionNode | undefined)?.selectionSet);
    }
  };
  for (const node of fieldNodes as readonly FieldNode[]) collect(node.selectionSet);
  return names;
}
