// `mutation { fraiseqlRenew }` of graphql/sdl/compose.cpp: what it asks for and what it answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "graphql/language/ast.hpp"
#include "worker/operation/plan.hpp"

namespace fsubs {

// How often the plan of a mutation renews.
size_t RenewalsIn(const Plan& plan);

// REQUIRES, like the following: RenewalsIn(plan) is 1.
const graphql::Argument& TokenArgumentOf(const Plan& plan);

// The response of one that went on, until `expires_at_us`; for ever without it.
std::string RenewalResponse(const Plan& plan, const std::optional<int64_t>& expires_at_us);

// The response of one that was refused.
std::string RefusedRenewalResponse(const Plan& plan, const std::string& reason);

// A time as `expiresAt` has it: JSON.
std::string ExpiryJson(const std::optional<int64_t>& expires_at_us);

}  // namespace fsubs
