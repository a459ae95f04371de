// Changes that were captured before the change which made the version they replace.
//
// A statement's own changes are captured when all its rows are changed. What a BEFORE trigger or a
// function does meanwhile to a row that the statement has already changed is captured earlier than
// that, though it came later. When the statement's change of that row comes, it goes in front of
// the early change, and so does what the statement changed before it. The statement's other changes
// stay behind: they may need what the trigger did, like a parent or the place of a deleted row.
#pragma once

#include "src/capture/version_change.hpp"

namespace fsubs {

// Zero bytes are an empty table. Memory belongs to the top transaction.
class EarlyChanges {
 public:
  // Note that a change with this anchor replaced a version whose own change is to come. Without
  // memory for it the change stays where it is. Raises no error.
  void Add(const RowVersion& old_version, uint64_t anchor);

  // The change that made `version` has come: it is the last one with the anchor `maker` in front of
  // the byte `end` of the queue. Returns whether that was waited for.
  bool Resolve(const RowVersion& version, uint64_t maker, uint64_t end);

  // Drop all but the first ones.
  void Truncate(size_t size);
  size_t size() const { return size_; }

  // Call before PlaceOf, when no more come.
  void Settle();

  // The anchor in front of whose records the one at the byte `at` goes; its own anchor if it stays.
  uint64_t PlaceOf(uint64_t anchor, uint64_t at) const;

 private:
  struct Entry {
    RowVersion old_version;
    uint32_t next;    // with the same hash
    uint64_t anchor;  // of the early change; once settled, in front of which the maker's go
    uint64_t maker;   // anchor of the change that made the old version; 0: it has not come
    uint64_t end;     // of those records of the maker that go in front of it
  };

  uint32_t& Bucket(const RowVersion& version) const;
  bool Grow();
  void Link(size_t index);

  Entry* entries_;     // anchors need not ascend
  uint32_t* buckets_;  // hash table of chains, the latest entry first; as many as entries fit
  size_t size_;
  size_t capacity_;  // a power of two
  size_t waiting_;   // entries without a maker
};

}  // namespace fsubs
