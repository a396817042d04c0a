public import Routing
import Wire

/// Proxies in front of the gateway that are believed when they say who the client is.
public final class TrustedProxies: Sendable {
    let addresses: AddressSet

    public init(_ addresses: AddressSet) { self.addresses = addresses }
}

/// The client that trusted proxies name in `X-Forwarded-For`.
struct ForwardedClient: Equatable {
    /// The address as of IPv6, an IPv4 address mapped.
    let high: UInt64
    let low: UInt64
    /// As it was written, without a port and brackets.
    let text: [UInt8]

    /// The most addresses that are looked at.
    static let hopLimit = 32

    /// Each proxy adds the address that it was called from at the end. So the list is read from there, as far as the
    /// addresses are those of trusted proxies: the first other one is the client, and what stands before it is what that
    /// client says. Of what is no address nothing is believed: then the last proxy that is known is the client.
    ///
    /// - Parameter headers: of a request that came from a trusted proxy.
    /// - Returns: nil when nobody is named: the proxy itself is the client.
    static func find(in headers: borrowing HeaderBlock, trusted: AddressSet) -> ForwardedClient? {
        // Several field lines are one list (RFC 9110 §5.3).
        var list: [UInt8] = []
        headers.forEach { name, value, _ in
            guard name.isText("x-forwarded-for") else { return }
            list.append(UInt8(ascii: ","))
            list.append(bytes: value)
        }
        var found: ForwardedClient?
        for _ in 0..<hopLimit {
            guard let comma = list.lastIndex(of: UInt8(ascii: ",")), let hop = ForwardedClient(list[(comma + 1)...])
            else { break }
            found = hop
            if !trusted.contains(high: hop.high, low: hop.low) { break }
            list.removeSubrange(comma...)
        }
        return found
    }

    /// "192.0.2.1", "2001:db8::1", "[2001:db8::1]", and either with a port behind it, as some proxies write.
    init?(_ entry: ArraySlice<UInt8>) {
        let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        var text = entry.drop(while: isSpace)
        while let last = text.last, isSpace(last) { text.removeLast() }
        if text.first == UInt8(ascii: "[") {
            guard let end = text.firstIndex(of: UInt8(ascii: "]")), Self.isPort(text[(end + 1)...]) else { return nil }
            text = text[(text.startIndex + 1)..<end]
            guard text.contains(UInt8(ascii: ":")) else { return nil }
        } else if let colon = text.firstIndex(of: UInt8(ascii: ":")), !text[(colon + 1)...].contains(UInt8(ascii: ":"))
        {
            guard Self.isPort(text[colon...]) else { return nil }
            text = text[..<colon]
        }
        guard text.count <= 45, let words = AddressSet.words(of: String(decoding: text, as: UTF8.self)) else {
            return nil
        }
        (high, low) = words
        self.text = Array(text)
    }

    /// Nothing, or ":" and a number.
    private static func isPort(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first else { return true }
        return first == UInt8(ascii: ":") && (2...6).contains(text.count)
            && text.dropFirst().allSatisfy { (0x30...0x39).contains($0) }
    }
}

extension Exchange {
    /// Who calls, when a trusted proxy says so; most often there is none, and that costs a comparison.
    func findForwardedClient() {
        guard let proxies = configuration.snapshot.trustedProxies, let connection,
            proxies.addresses.contains(high: connection.peerWords.high, low: connection.peerWords.low)
        else { return }
        forwardedClient = ForwardedClient.find(in: request.headers, trusted: proxies.addresses)
    }

    /// The client's address as of IPv6: what rules about addresses and rate limits look at.
    var clientWords: (high: UInt64, low: UInt64)? {
        if let forwardedClient { return (forwardedClient.high, forwardedClient.low) }
        return connection?.peerWords
    }
}

extension Span<UInt8> {
    fileprivate func isText(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { text in
            for index in indices where self[index] != text[index] { return false }
            return true
        }
    }
}
