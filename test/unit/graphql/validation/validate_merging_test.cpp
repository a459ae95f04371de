// Field selection merging (specification, section 5.3.2).
#include <gtest/gtest.h>

#include "test/unit/graphql/validation/validated.hpp"

namespace fsubs::graphql {
namespace {

TEST(GraphqlValidateMergingTest, TheSameFieldMerges) {
  ExpectErrors({
      {"{ reader { name name } }", {}},
      {"{ reader { n: name n: name } }", {}},
      {"{ work { title(short: true) title(short: true) } }", {}},
      {"{ books(filter: {title: \"a\", pages: 1}) { pages } books(filter: {pages: 1, title: "
       "\"a\"}) { shelf } }",
       {}},
      {"query ($i: ID!) { book(id: $i) { pages } book(id: $i) { pages } }", {}},
      {"{ reader { name @skip(if: true) name @include(if: false) } }", {}},
  });
}

TEST(GraphqlValidateMergingTest, OneNameIsOneField) {
  ExpectErrors({
      {"{ book(id: 1) { a: isbn10 a: isbn13 } }",
       {"Fields \"a\" conflict because \"isbn10\" and \"isbn13\" are different fields. Use "
        "different aliases on the fields to fetch both if this was intentional. @1:17 @1:27"}},
      {"{ book(id: 1) { title: isbn10 title } }",
       {"Fields \"title\" conflict because \"isbn10\" and \"title\" are different fields. Use "
        "different aliases on the fields to fetch both if this was intentional. @1:17 @1:31"}},
      {"{ work { title(short: true) title } }",
       {"Fields \"title\" conflict because they have differing arguments. Use different aliases on "
        "the fields to fetch both if this was intentional. @1:10 @1:29"}},
      {"{ work { title title(short: true) } }",
       {"Fields \"title\" conflict because they have differing arguments. Use different aliases on "
        "the fields to fetch both if this was intentional. @1:10 @1:16"}},
      {"{ work { title(short: true) title(short: false) } }",
       {"Fields \"title\" conflict because they have differing arguments. Use different aliases on "
        "the fields to fetch both if this was intentional. @1:10 @1:29"}},
      {"{ books(first: 1) { pages } books(tags: 1) { pages } }",
       {"Fields \"books\" conflict because they have differing arguments. Use different aliases on "
        "the fields to fetch both if this was intentional. @1:3 @1:29",
        "String cannot represent a non string value: 1 @1:41"}},
      {R"({ book(id: "1") { pages } book(id: """1""") { pages } book(id: 1) { pages } })",
       {"Fields \"book\" conflict because they have differing arguments. Use different aliases on "
        "the fields to fetch both if this was intentional. @1:3 @1:27",
        "Fields \"book\" conflict because they have differing arguments. Use different aliases on "
        "the fields to fetch both if this was intentional. @1:3 @1:55",
        "Fields \"book\" conflict because they have differing arguments. Use different aliases on "
        "the fields to fetch both if this was intentional. @1:27 @1:55"}},
      {"{ book(id: 1) { a: isbn10 a: isbn13 a: shelf } }",
       {"Fields \"a\" conflict because \"isbn10\" and \"isbn13\" are different fields. Use "
        "different aliases on the fields to fetch both if this was intentional. @1:17 @1:27",
        "Fields \"a\" conflict because \"isbn10\" and \"shelf\" are different fields. Use "
        "different aliases on the fields to fetch both if this was intentional. @1:17 @1:37",
        "Fields \"a\" conflict because \"isbn13\" and \"shelf\" are different fields. Use "
        "different aliases on the fields to fetch both if this was intentional. @1:27 @1:37"}},
  });
}

TEST(GraphqlValidateMergingTest, FieldsOfDifferentObjectsMayDiffer) {
  ExpectErrors({
      {"{ work { ... on Book { a: isbn10 } ... on Film { a: title } } }", {}},
      {"{ work { ... on Book { title(short: true) } ... on Film { title(short: false) } } }", {}},
      {"{ work { ... on Item { a: shelf } ... on Film { a: minutes } } }",
       {"Fields \"a\" conflict because \"shelf\" and \"minutes\" are different fields. Use "
        "different aliases on the fields to fetch both if this was intentional. @1:24 @1:49"}},
      {"{ work { ... on Book { sequel { a: title } } ... on Film { sequel { a: title(short: true) "
       "} } } }",
       {}},
  });
}

TEST(GraphqlValidateMergingTest, ButTheirShapesMustAgree) {
  ExpectErrors({
      {"{ work { ... on Book { pages } ... on Film { pages } } }",
       {"Fields \"pages\" conflict because they return conflicting types \"Int\" and \"String\". "
        "Use different aliases on the fields to fetch both if this was intentional. @1:24 @1:46"}},
      {"{ work { ... on Book { lenders { name } } ... on Film { lenders { name } } } }",
       {"Fields \"lenders\" conflict because they return conflicting types \"[Reader]\" and "
        "\"Reader\". Use different aliases on the fields to fetch both if this was intentional. "
        "@1:24 @1:57"}},
      {"{ work { ... on Book { box { size } } ... on Film { box { size } } } }",
       {"Fields \"box\" conflict because subfields \"size\" conflict because they return "
        "conflicting types \"Int\" and \"Float\". Use different aliases on the fields to fetch "
        "both if this was intentional. @1:24 @1:30 @1:53 @1:59"}},
      {"{ work { ... on Book { box { label } } ... on Film { box { label } } } }",
       {"Fields \"box\" conflict because subfields \"label\" conflict because they return "
        "conflicting types \"String!\" and \"String\". Use different aliases on the fields to "
        "fetch both if this was intentional. @1:24 @1:30 @1:54 @1:60"}},
      {"{ work { ... on Book { x: sequel { title } } ... on Film { x: minutes } } }",
       {"Fields \"x\" conflict because they return conflicting types \"Book\" and \"Int\". Use "
        "different aliases on the fields to fetch both if this was intentional. @1:24 @1:60"}},
      {"{ work { ... on Book { box { x: size x: label } } } }",
       {"Fields \"x\" conflict because \"size\" and \"label\" are different fields. Use different "
        "aliases on the fields to fetch both if this was intentional. @1:30 @1:38"}},
      {"{ work { ... on Book { box { content { pages } } } ... on Film { box { content { pages } } "
       "} } }",
       {"Fields \"box\" conflict because subfields \"content\" conflict because subfields "
        "\"pages\" conflict because they return conflicting types \"Int\" and \"String\". Use "
        "different aliases on the fields to fetch both if this was intentional. @1:24 @1:30 @1:40 "
        "@1:66 @1:72 @1:82"}},
  });
}

TEST(GraphqlValidateMergingTest, ConflictsBelowSayWhy) {
  ExpectErrors({
      {"{ book(id: 1) { sequel { a: isbn10 } sequel { a: isbn13 } } }",
       {"Fields \"sequel\" conflict because subfields \"a\" conflict because \"isbn10\" and "
        "\"isbn13\" are different fields. Use different aliases on the fields to fetch both if "
        "this was intentional. @1:17 @1:26 @1:38 @1:47"}},
      {"{ x: reader { a: name } x: reader { a: books { pages } } }",
       {"Fields \"x\" conflict because subfields \"a\" conflict because \"name\" and \"books\" are "
        "different fields. Use different aliases on the fields to fetch both if this was "
        "intentional. @1:3 @1:15 @1:25 @1:37"}},
      {"{ book(id: 1) { sequel { a: isbn10 b: pages } sequel { a: isbn13 b: shelf } } }",
       {"Fields \"sequel\" conflict because subfields \"a\" conflict because \"isbn10\" and "
        "\"isbn13\" are different fields and subfields \"b\" conflict because \"pages\" and "
        "\"shelf\" are different fields. Use different aliases on the fields to fetch both if this "
        "was intentional. @1:17 @1:26 @1:36 @1:47 @1:56 @1:66"}},
      {"{ book(id: 1) { sequel { sequel { a: isbn10 } } sequel { sequel { a: isbn13 } } } }",
       {"Fields \"sequel\" conflict because subfields \"sequel\" conflict because subfields \"a\" "
        "conflict because \"isbn10\" and \"isbn13\" are different fields. Use different aliases on "
        "the fields to fetch both if this was intentional. @1:17 @1:26 @1:35 @1:49 @1:58 @1:67"}},
      {"{ book(id: 1) { sequel { sequel { a: isbn10 } sequel { a: isbn13 } } sequel { pages } } }",
       {"Fields \"sequel\" conflict because subfields \"a\" conflict because \"isbn10\" and "
        "\"isbn13\" are different fields. Use different aliases on the fields to fetch both if "
        "this was intentional. @1:26 @1:35 @1:47 @1:56"}},
  });
}

TEST(GraphqlValidateMergingTest, FragmentsAreComparedToo) {
  ExpectErrors({
      {"{ book(id: 1) { ...A ...B } } fragment A on Book { a: isbn10 } fragment B on Book { a: "
       "isbn13 }",
       {"Fields \"a\" conflict because \"isbn10\" and \"isbn13\" are different fields. Use "
        "different aliases on the fields to fetch both if this was intentional. @1:52 @1:85"}},
      {"{ book(id: 1) { a: isbn10 ...B } } fragment B on Book { ...C } fragment C on Book { a: "
       "isbn13 }",
       {"Fields \"a\" conflict because \"isbn10\" and \"isbn13\" are different fields. Use "
        "different aliases on the fields to fetch both if this was intentional. @1:17 @1:85"}},
      {"{ book(id: 1) { ...A } one: reader { ...C ...D } } fragment A on Book { sequel { ...X ...Y "
       "} } fragment X on Book { a: isbn10 } fragment Y on Book { a: isbn13 } fragment C on Reader "
       "{ b: name } fragment D on Reader { b: friends { name } }",
       {"Fields \"b\" conflict because \"name\" and \"friends\" are different fields. Use "
        "different aliases on the fields to fetch both if this was intentional. @1:185 @1:218",
        "Fields \"a\" conflict because \"isbn10\" and \"isbn13\" are different fields. Use "
        "different aliases on the fields to fetch both if this was intentional. @1:117 @1:150"}},
      {"{ book(id: 1) { ...A ...B } } fragment A on Book { sequel { ...X } } fragment B on Book { "
       "sequel { ...Y } } fragment X on Book { a: isbn10 } fragment Y on Book { a: isbn13 }",
       {"Fields \"sequel\" conflict because subfields \"a\" conflict because \"isbn10\" and "
        "\"isbn13\" are different fields. Use different aliases on the fields to fetch both if "
        "this was intentional. @1:52 @1:130 @1:91 @1:163"}},
      {"{ book(id: 1) { ... @once { a: isbn10 } ... on Book { a: isbn13 } } }",
       {"Fields \"a\" conflict because \"isbn10\" and \"isbn13\" are different fields. Use "
        "different aliases on the fields to fetch both if this was intentional. @1:29 @1:55"}},
      {"{ book(id: 1) { ...A ...A } } fragment A on Book { a: isbn10 ...Nope }",
       {R"(Unknown fragment "Nope". @1:65)"}},
  });
}

TEST(GraphqlValidateMergingTest, CyclesOfFragmentsEnd) {
  ExpectErrors({
      {"{ book(id: 1) { ...A } } fragment A on Book { sequel { ...A } ...A }",
       {R"(Cannot spread fragment "A" within itself. @1:63)",
        R"(Cannot spread fragment "A" within itself. @1:56)"}},
      {"{ book(id: 1) { ...A ...B } } fragment A on Book { a: isbn10 ...B } fragment B on Book { "
       "a: isbn13 ...A }",
       {"Fields \"a\" conflict because \"isbn10\" and \"isbn13\" are different fields. Use "
        "different aliases on the fields to fetch both if this was intentional. @1:52 @1:90",
        R"(Cannot spread fragment "A" within itself via "B". @1:62 @1:100)",
        "Fields \"a\" conflict because \"isbn10\" and \"isbn13\" are different fields. Use "
        "different aliases on the fields to fetch both if this was intentional. @1:52 @1:90",
        "Fields \"a\" conflict because \"isbn13\" and \"isbn10\" are different fields. Use "
        "different aliases on the fields to fetch both if this was intentional. @1:90 @1:52"}},
  });
}

TEST(GraphqlValidateMergingTest, UnknownFieldsAreComparedByNameOnly) {
  ExpectErrors({
      {"{ nope { a: b a: c } }",
       {R"(Cannot query field "nope" on type "Query". @1:3)",
        "Fields \"a\" conflict because \"b\" and \"c\" are different fields. Use different aliases "
        "on the fields to fetch both if this was intentional. @1:10 @1:15"}},
      {"{ reader { x: nope x: name } }",
       {"Fields \"x\" conflict because \"nope\" and \"name\" are different fields. Use different "
        "aliases on the fields to fetch both if this was intentional. @1:12 @1:20",
        R"(Cannot query field "nope" on type "Reader". Did you mean "name"? @1:12)"}},
      {"{ work { ... on Nope { a: b } ... on Nowhere { a: c } } }",
       {"Fields \"a\" conflict because \"b\" and \"c\" are different fields. Use different aliases "
        "on the fields to fetch both if this was intentional. @1:24 @1:48",
        R"(Unknown type "Nope". @1:17)", R"(Unknown type "Nowhere". @1:38)"}},
  });
}

}  // namespace
}  // namespace fsubs::graphql
