@testable import Wire

/// A PROXY header means one thing however it arrives, is never larger than said, and never waits for more than that.
func checkProxy(_ input: [UInt8]) {
    let (bytes, ends) = pieces(of: input)
    let whole = parse(bytes, [bytes.count])
    precondition(parse(bytes, ends) == whole, "the verdict depends on the pieces")
    switch whole {
    case .success(let header?):
        precondition(header.byteCount > 0 && header.byteCount <= min(bytes.count, ProxyHeader.maxBytes), "an odd size")
    case .success(nil):
        precondition(bytes.count < ProxyHeader.maxBytes, "waits for more than it takes")
    case .failure: break
    }
}

private func parse(_ bytes: [UInt8], _ ends: [Int]) -> Result<ProxyHeader?, ProxyHeaderError> {
    for end in ends {
        do throws(ProxyHeaderError) {
            if let header = try ProxyHeader.parse(bytes.span.extracting(..<end)) { return .success(header) }
        } catch {
            return .failure(error)
        }
    }
    return .success(nil)
}
