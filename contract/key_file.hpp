// What is asked of the file of a private key.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

namespace fsubs {

// As PostgreSQL asks of its own key: that of another user must be nobody's but root's. Returns
// null, or what is wrong with the file of a key.
inline const char* ProblemOfKey(const struct stat& file) {
  if (file.st_uid != geteuid() && file.st_uid != 0) {
    return "it is owned neither by the server's user nor by root";
  }
  const mode_t refused = file.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
  if ((file.st_mode & refused) == 0) return nullptr;
  return "others may read or change it; chmod it to 0600, or to 0640 where root owns it";
}

}  // namespace fsubs
