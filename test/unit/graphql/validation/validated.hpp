// Documents and the errors that validation finds in them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "graphql/language/parser.hpp"
#include "graphql/sdl/schema_builder.hpp"
#include "graphql/validation/validate.hpp"

namespace fsubs::graphql {

inline constexpr char kLibrarySchema[] = R"(
  type Query {
    book(id: ID!): Book
    books(filter: BookFilter, first: Int = 10, tags: [String!]): [Book!]!
    work: Work
    item: Item
    thing: Thing
    reader: Reader
    scalars(i: Int, f: Float, s: String, b: Boolean, id: ID, state: State, any: Any): Int
    lists(ints: [Int], strict: [Int!], grid: [[Int]]): Int
    required(a: Int!, b: Int!, c: Int! = 3): Int
  }
  type Mutation { borrow(book: ID!): Book }
  type Subscription { borrowed(book: ID): Book returned: Reader }
  interface Work { title(short: Boolean): String author: Author state: State }
  interface Item implements Work {
    title(short: Boolean): String author: Author state: State shelf: Int
  }
  type Book implements Item & Work {
    title(short: Boolean): String author: Author state: State shelf: Int
    pages: Int sequel: Book isbn10: String isbn13: String lenders: [Reader] box: Box
  }
  type Film implements Work {
    title(short: Boolean): String author: Author state: State
    minutes: Int pages: String sequel: Film lenders: Reader box: Crate
  }
  type Box { size: Int label: String! content: Book }
  type Crate { size: Float label: String content: Film }
  type Author { name: String works(state: State): [Work!] }
  type Reader { name: String books: [Book] friends: [Reader!]! }
  union Thing = Book | Reader
  scalar Any
  enum State { ON_SHELF LENT LOST }
  input BookFilter {
    title: String! pages: Int = 1 states: [State!] not: BookFilter strict: Boolean! = false
  }
  directive @note(text: String!, times: Int = 1) repeatable on QUERY | FIELD | VARIABLE_DEFINITION
  directive @once on FIELD | FRAGMENT_DEFINITION | FRAGMENT_SPREAD | INLINE_FRAGMENT | SUBSCRIPTION
)";

// Each error as "message @line:column ...".
inline std::vector<std::string> ErrorsOf(std::string_view source,
                                         const ValidationLimits& limits = {}) {
  static const SchemaResult schema = BuildSchema(kLibrarySchema);
  const ParseResult parsed = ParseDocument(source);
  const std::vector<Error> errors = parsed.error
                                        ? std::vector<Error>{*parsed.error}
                                        : Validate(*schema.schema, *parsed.document, limits);
  std::vector<std::string> texts;
  for (const Error& error : errors) {
    texts.push_back(error.message);
    for (const SourceLocation& at : error.locations) {
      texts.back() += " @" + std::to_string(at.line) + ":" + std::to_string(at.column);
    }
  }
  return texts;
}

struct ValidationCase {
  const char* document;
  std::vector<std::string> errors;
};

// What is expected is what graphql-js 16 finds.
inline void ExpectErrors(const std::vector<ValidationCase>& cases) {
  for (const ValidationCase& expected : cases) {
    EXPECT_EQ(ErrorsOf(expected.document), expected.errors) << expected.document;
  }
}

}  // namespace fsubs::graphql
