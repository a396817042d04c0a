import Foundation
import JWTKit
public import Logging
import ServiceLifecycle
import Synchronization

/// What a token must say to be accepted.
public struct TokenRequirements: Sendable {
    public var issuer: String
    public var audience: String
    /// How far the clocks of issuer and service may be apart.
    public var clockSkewSeconds: Double

    public init(
        issuer: String = "https://identity.gatehouse.local", audience: String = "gatehouse",
        clockSkewSeconds: Double = 30
    ) {
        self.issuer = issuer
        self.audience = audience
        self.clockSkewSeconds = clockSkewSeconds
    }
}

/// Checks access tokens: JWTs (RFC 7519) signed with ES256, RS256 or EdDSA by a key of the key set.
///
/// The `alg` of the header must be the one that the key is for, so neither `none` nor a symmetric algorithm can pass
/// (RFC 8725 §3.1). A verified token is remembered until it expires or the key set changes; a repeat costs one lookup.
public final class TokenVerifier: Sendable {
    /// Tokens longer than this are refused unread.
    public static let maximumTokenBytes = 8_192
    static let cacheCapacity = 10_000

    private struct State {
        var cache = TokenCache(capacity: TokenVerifier.cacheCapacity)
        var generation = 0
    }

    /// Seconds since 1970 by the system's clock.
    public static let systemClock: @Sendable () -> Double = { Date().timeIntervalSince1970 }

    private let requirements: TokenRequirements
    private let source: any KeySource
    private let now: @Sendable () -> Double
    private let state = Mutex(State())

    init(source: any KeySource, requirements: TokenRequirements, now: @escaping @Sendable () -> Double) {
        self.source = source
        self.requirements = requirements
        self.now = now
    }

    /// Reads the key set from a file.
    ///
    /// - Parameters:
    ///   - keySetFile: A JWK set; read again when it changes.
    ///   - now: Seconds since 1970.
    /// - Throws: ``SettingsError`` when the file is not a usable key set.
    public convenience init(
        keySetFile: String, requirements: TokenRequirements, logger: Logger,
        now: @escaping @Sendable () -> Double = TokenVerifier.systemClock
    ) async throws(SettingsError) {
        let file: KeySetFile
        do {
            file = try await KeySetFile(path: keySetFile, now: now(), logger: logger)
        } catch {
            throw SettingsError(["TOKEN_KEY_SET_FILE (\(keySetFile)): \(error)"])
        }
        self.init(source: file, requirements: requirements, now: now)
    }

    /// Fetches the key set from its issuer, in the background (``backgroundServices``) and when a token names an unknown
    /// key. Nothing is fetched here: a service starts without its issuer, and answers 503 until the keys have come.
    public convenience init(
        keySetURI: String, requirements: TokenRequirements, logger: Logger,
        now: @escaping @Sendable () -> Double = TokenVerifier.systemClock
    ) {
        self.init(
            source: RemoteKeySet(uri: keySetURI, logger: logger, now: now), requirements: requirements, now: now)
    }

    /// Takes the keys from the service itself.
    public convenience init(
        keys: TokenKeys, requirements: TokenRequirements,
        now: @escaping @Sendable () -> Double = TokenVerifier.systemClock
    ) {
        self.init(source: keys, requirements: requirements, now: now)
    }

    /// Whether there are keys to verify with.
    public var isReady: Bool { source.isLoaded }

    /// What keeps the keys fresh while the service runs.
    var backgroundServices: [any Service] { keySet.map { [KeySetRefresh(keySet: $0)] } ?? [] }

    /// The key set of an issuer, if that is where the keys come from.
    var keySet: RemoteKeySet? { source as? RemoteKeySet }

    /// The caller whose token this is.
    ///
    /// - Throws: ``TokenRefusal``.
    public func verify(_ token: String) async throws(TokenRefusal) -> Caller {
        let now = now()
        guard let current = await source.current(now: now) else { throw .keysUnavailable }
        if let known = remembered(token, generation: current.generation, now: now) { return known }
        let (claims, generation) = try await claims(of: token, current, now: now)
        let caller = try caller(from: claims, token: token, now: now)
        let entry = TokenCache.Entry(caller: caller, expiry: claims.exp + requirements.clockSkewSeconds)
        state.withLock { state in
            if state.generation == generation { state.cache.insert(entry, for: token) }
        }
        return caller
    }

    private func remembered(_ token: String, generation: Int, now: Double) -> Caller? {
        state.withLock { state in
            // Never back: a slow task may come with an older one.
            if generation > state.generation {
                state.cache.removeAll()
                state.generation = generation
            }
            return state.cache.find(token, now: now)
        }
    }

    /// The verified claims, and the generation of the keys that verified them.
    private func claims(
        of token: String, _ current: VersionedKeys, now: Double
    ) async throws(TokenRefusal) -> (Claims, generation: Int) {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard token.utf8.count <= Self.maximumTokenBytes, parts.count == 3, parts.allSatisfy(Self.isBase64URL),
            let header = Self.header(parts[0]), header["crit"] == nil, let algorithm = header["alg"]?.string,
            let keyID = header["kid"]?.string
        else { throw .malformed }
        var current = current
        if current.keys.keys[keyID] == nil, let newer = await source.current(missing: keyID, now: now) {
            current = newer
        }
        guard let key = current.keys.keys[keyID] else { throw .unknownKey }
        guard key.algorithm == algorithm else { throw .malformed }
        do {
            return (try await key.verifier.verify(token, as: Claims.self), current.generation)
        } catch let error as JWTError where error.errorType == .malformedToken {
            throw .malformed
        } catch {
            throw .badSignature
        }
    }

    private func caller(from claims: Claims, token: String, now: Double) throws(TokenRefusal) -> Caller {
        let skew = requirements.clockSkewSeconds
        guard now < claims.exp + skew else { throw .expired }
        if let start = claims.nbf, now < start - skew { throw .notYetValid }
        guard claims.iss == requirements.issuer else { throw .wrongIssuer }
        guard claims.aud.values.contains(requirements.audience) else { throw .wrongAudience }
        // The subject becomes part of a database key and of log lines.
        guard 1...255 ~= claims.sub.unicodeScalars.count, !claims.sub.utf8.contains(0) else { throw .malformed }
        let scopes = Set((claims.scope ?? "").split(separator: " ").map(String.init))
        return Caller(
            subject: claims.sub, scopes: scopes, roles: claims.roles?.names ?? [], tokenID: claims.jti,
            issuedAt: claims.iat, expiresAt: claims.exp, token: token)
    }

    /// The header as a JSON object; repeated names make it ambiguous and are refused (RFC 7515 §4).
    private static func header(_ part: Substring) -> JSONValue? {
        var text = part.replacing("-", with: "+").replacing("_", with: "/")
        text += String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        // Whatever is not base64url or not JSON is not a header.
        guard let data = Data(base64Encoded: String(text)), let json = try? JSONParser.parse(Array(data)),
            let members = json.members, Set(members.map(\.name)).count == members.count
        else { return nil }
        return json
    }

    /// Base64url without padding (RFC 7515 §2), and no other text for the same bytes: the last character may hold bits that
    /// stand for nothing, which must be 0 (RFC 4648 §3.5). Decoders do not look at them, so a changed token would pass.
    private static func isBase64URL(_ part: Substring) -> Bool {
        var last: UInt8?
        for byte in part.utf8 {
            guard let value = sextet(byte) else { return false }
            last = value
        }
        guard let last else { return false }
        return switch part.utf8.count % 4 {
        case 0: true
        case 2: last & 0b1111 == 0
        case 3: last & 0b11 == 0
        default: false
        }
    }

    private static func sextet(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0") + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}

/// The claims that are read; all others are ignored (RFC 7519 §4).
private struct Claims: JWTPayload {
    let iss: String
    let sub: String
    let aud: Audience
    /// Seconds since 1970.
    let exp: Double
    let nbf: Double?
    let iat: Double?
    let jti: String?
    let scope: String?
    let roles: Roles?

    /// Claims are checked by ``TokenVerifier``, with its clock and its skew.
    func verify(using algorithm: some JWTAlgorithm) async throws {}
}

/// `roles` as a list of texts (RFC 9068 §2.2.3.1); other issuers may mean something else by it, which is nobody's role here.
private struct Roles: Codable {
    let names: Set<String>

    init(from decoder: any Decoder) throws {
        names = (try? Set(decoder.singleValueContainer().decode([String].self))) ?? []
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(names)
    }
}

/// `aud` is one text or a list of them (RFC 7519 §4.1.3).
private struct Audience: Codable {
    let values: [String]

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // Not a single text: then it must be a list, whose error is the one to report.
        if let single = try? container.decode(String.self) {
            values = [single]
        } else {
            values = try container.decode([String].self)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(values)
    }
}
