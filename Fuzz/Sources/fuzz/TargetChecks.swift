@testable import Wire

/// A canonical target is a fixed point, and its path names no other place.
func checkTarget(_ input: [UInt8]) {
    var output: [UInt8] = []
    guard let pathCount = try? TargetNormaliser.canonicalise(input.span, into: &output) else { return }
    var again: [UInt8] = []
    guard let count = try? TargetNormaliser.canonicalise(output.span, into: &again) else {
        preconditionFailure("a canonical target is refused")
    }
    precondition(again == output && count == pathCount, "a canonical target changes")
    guard (try? TargetNormaliser.canonicalPathCount(output.span)) != nil else {
        preconditionFailure("a canonical target is not called so")
    }
    precondition(output.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }, "an odd byte")
    let path = output[..<pathCount]
    precondition(path.first == UInt8(ascii: "/") && !path.contains(UInt8(ascii: "\\")), "an odd path")
    for segment in path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
        let text = String(decoding: segment, as: UTF8.self).lowercased()
        let name = text.prefix { $0 != ";" }
        precondition(name != "." && name != "..", "a dot segment")
        precondition(!text.contains("%2f") && !text.contains("%5c") && !text.contains("%00"), "an encoded slash")
    }
}

/// A host in lower case reads as itself.
func checkAuthority(_ input: [UInt8]) {
    var host: [UInt8] = []
    guard let authority = try? Authority.lowercasedHost(of: input.span, into: &host) else { return }
    precondition(authority.hostCount <= input.count && host.count <= authority.hostCount, "a host out of nothing")
    var again: [UInt8] = []
    guard (try? Authority.lowercasedHost(of: host.span, into: &again)) != nil else {
        preconditionFailure("a canonical host is refused")
    }
    precondition(again == host, "a canonical host changes")
    precondition(host.allSatisfy { !(65...90).contains($0) && $0 > 32 && $0 < 127 }, "an odd host")
}

/// A block behaves like a list of names and values: the input is a sequence of operations on both.
func checkHeaders(_ input: [UInt8]) {
    var block = HeaderBlock()
    var model: [(name: [UInt8], value: [UInt8])] = []
    var rest = input[...]
    func take(_ limit: Int) -> [UInt8] {
        guard let count = rest.popFirst() else { return [] }
        let taken = Array(rest.prefix(Int(count) % limit))
        rest = rest.dropFirst(taken.count)
        return taken
    }
    while let operation = rest.popFirst() {
        switch operation % 5 {
        case 0, 1:
            let name = [UInt8(ascii: "x")] + take(12)
            let value = take(40)
            block.append(name: name.span, value: value.span)
            model.append((name.map(lowercased), value))
        case 2:
            let live = block.indices.filter { !block.isRemoved(at: $0) }
            guard !live.isEmpty else { continue }
            let number = Int(operation / 5) % live.count
            block.remove(at: live[number])
            model.remove(at: number)
        case 3:
            block.set("x-set", take(20))
            // The first of that name is replaced where it stands or all go to the end: only the value is promised.
            model.removeAll { $0.name == Array("x-set".utf8) }
            precondition(block.count(of: "x-set") == 1, "set makes one field")
            block.remove("x-set")
        default:
            block.removeAll { $0.count % 2 == 0 }
            model.removeAll { $0.name.count % 2 == 0 }
        }
        precondition(fields(block) == model.flatMap { [$0.name, $0.value] }, "the block differs from the list")
    }
}

private func lowercased(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 32 : byte }
