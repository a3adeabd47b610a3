// Does the strict reader give each field only as what it is, and name file and field when it refuses?
#include "reference/core/json_object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "reference/core/errors.h"

namespace {

using attnlab::FileError;
using attnlab::JsonObject;
using testing::ElementsAre;
using testing::HasSubstr;

template <class F>
std::string refusal(F read) {
  try {
    read();
  } catch (const FileError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(JsonObject, ReadsFieldsByType) {
  const JsonObject object = JsonObject::parse(
      R"({"n": 3, "big": 18446744073709551615, "e": 1e12, "r": 2.5, "b": false, "t": "x", "null": null,
          "o": {"k": 1}, "l": [{"k": 1}, {"k": 2}], "s": ["a", "b"]})",
      "here");
  EXPECT_EQ(object.count("n"), 3u);
  EXPECT_EQ(object.count("big"), 18446744073709551615u);
  EXPECT_EQ(object.count("e"), 1000000000000u);
  EXPECT_EQ(object.rate("r"), 2.5);
  EXPECT_EQ(object.rate("n"), 3.0);
  EXPECT_FALSE(object.boolean("b"));
  EXPECT_EQ(object.text("t"), "x");
  EXPECT_EQ(object.object("o").count("k"), 1u);
  EXPECT_EQ(object.objects("l").at(1).count("k"), 2u);
  EXPECT_THAT(object.texts("s"), ElementsAre("a", "b"));
  EXPECT_FALSE(object.has("null"));
  EXPECT_FALSE(object.has("absent"));
  EXPECT_TRUE(object.is_null("null"));
  EXPECT_FALSE(object.is_null("absent"));
  EXPECT_TRUE(object.is_object("o"));
  EXPECT_EQ(object.maybe_count("absent"), std::nullopt);
  EXPECT_EQ(object.maybe_count("n"), 3u);
  EXPECT_EQ(object.maybe_count("null"), std::nullopt);
  EXPECT_EQ(object.maybe_boolean("b"), false);
}

TEST(JsonObject, RefusalsNameFileAndField) {
  const JsonObject object = JsonObject::parse(
      R"({"zero": 0, "minus": -1, "half": 0.5, "t": "", "o": {"k": "v"}, "l": [{"k": 1}, 2], "s": ["a", 1]})",
      "models/x.json");
  EXPECT_EQ(refusal([&] { object.count("zero"); }),
            "models/x.json: zero: got 0, expected a whole number of at least 1");
  EXPECT_EQ(refusal([&] { object.count("gone"); }), "models/x.json: gone: missing");
  EXPECT_EQ(object.count("zero", 0), 0u);
  EXPECT_THAT(refusal([&] { object.count("minus", 0); }), HasSubstr("at least 0"));
  EXPECT_THAT(refusal([&] { object.count("minus"); }), HasSubstr("minus: got -1"));
  EXPECT_THAT(refusal([&] { object.count("half"); }), HasSubstr("half: got 0.5"));
  EXPECT_THAT(refusal([&] { object.rate("minus"); }), HasSubstr("expected a positive number"));
  EXPECT_THAT(refusal([&] { object.text("t"); }), HasSubstr("expected a text"));
  EXPECT_THAT(refusal([&] { object.boolean("zero"); }), HasSubstr("expected true or false"));
  EXPECT_THAT(refusal([&] { object.object("o").count("k"); }), HasSubstr("models/x.json: o.k: got \"v\""));
  EXPECT_THAT(refusal([&] { object.objects("l"); }), HasSubstr("l[1]: got 2, expected an object"));
  EXPECT_THAT(refusal([&] { object.texts("s"); }), HasSubstr("expected a list of texts"));
  EXPECT_THAT(refusal([&] {
                object.allow_only({"zero", "minus", "half", "t", "o", "l"});
              }),
              HasSubstr("s: unknown key, expected one of zero, minus"));
}

TEST(JsonObject, WhatIsNotAnObjectIsRefused) {
  EXPECT_THAT(refusal([] { JsonObject::parse("", "x"); }), HasSubstr("x: not JSON: syntax error"));
  EXPECT_THAT(refusal([] { JsonObject::parse("{\"a\": 1} trailing", "x"); }),
              HasSubstr("syntax error at byte"));
  EXPECT_THAT(refusal([] { JsonObject::parse("3", "x"); }), HasSubstr("expected a JSON object, got 3"));
  EXPECT_THAT(refusal([] { JsonObject::parse("{\"a\": 1e999}", "x"); }),
              HasSubstr("x: not usable JSON: number"));
  EXPECT_THAT(refusal([] { JsonObject::parse("{\"a\": {\"k\": 1, \"k\": 1}}", "x"); }),
              HasSubstr("\"k\" is given twice"));
  EXPECT_EQ(refusal([] { JsonObject::parse("{\"k\": {\"k\": 1}, \"l\": [{\"k\": 1}, {\"k\": 1}]}", "x"); }),
            "accepted");
  EXPECT_THAT(refusal([] { JsonObject::read("/no/such/file"); }), HasSubstr("/no/such/file: no such file"));
  EXPECT_THAT(refusal([] { JsonObject::read("/tmp"); }), HasSubstr("/tmp: is not a regular file"));
  const std::string deep(100000, '[');
  EXPECT_THAT(refusal([&] { JsonObject::parse("{\"a\": " + deep, "x"); }), HasSubstr("not JSON"));
}

}  // namespace
