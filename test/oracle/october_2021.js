// graphql-js without what came after the October 2021 specification, which is what is served.
// docs/graphql-js.md names the same. Import this first.
import { GraphQLDeprecatedDirective, GraphQLSchema, __Directive, __Schema, __Type } from 'graphql';

const kLaterDirectives = ['oneOf'];

delete __Type.getFields().isOneOf;
delete __Directive.getFields().isDeprecated;
delete __Directive.getFields().deprecationReason;
__Schema.getFields().directives.args = [];
GraphQLDeprecatedDirective.locations = GraphQLDeprecatedDirective.locations.filter(
  (location) => location !== 'DIRECTIVE_DEFINITION',
);

export function october2021(schema) {
  const config = schema.toConfig();
  const directives = config.directives.filter(({ name }) => !kLaterDirectives.includes(name));
  return new GraphQLSchema({ ...config, directives });
}
