extension HeaderBlock {
    /// Removes what is meant for this hop only (RFC 9110 §7.6.1): the fields of `FieldRules.isHopByHop`, and every
    /// field that a Connection field names. `te` stays when its value is exactly `trailers`.
    ///
    /// Call it before adding fields of our own: a peer must not be able to name those.
    public mutating func removeHopByHopFields() {
        // Stays valid: only `fields` changes below.
        let bytes = arena.buffer
        for index in fields.indices where !fields[index].isRemoved && nameEquals(at: index, "connection") {
            FieldRules.forEachListMember(of: bytes.span.extracting(fields[index].valueRange)) { option in
                removeAll { name in
                    ByteScan.equalIgnoringCase(name, option) && !ByteScan.equal(name, "te")
                        && !ByteScan.equal(name, "connection")
                }
            }
        }
        for index in fields.indices where !fields[index].isRemoved {
            let isOurs = nameEquals(at: index, "te") && valueEqualsIgnoringCase(at: index, "trailers")
            if !isOurs && withName(at: index, FieldRules.isHopByHop) { remove(at: index) }
        }
    }
}
