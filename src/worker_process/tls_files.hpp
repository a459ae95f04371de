// The files of TLS, read for the worker.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Append them as contract/tls_files.hpp has it. A file that cannot be used is told of there; where
// TLS is off there is none.
void WriteTlsFiles(StringInfo out);

}  // namespace fsubs
