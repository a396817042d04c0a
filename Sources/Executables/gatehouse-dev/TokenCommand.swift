import ArgumentParser
import Foundation
import JWTKit

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Prints a token (JWT, ES256) for the local system.")

    static let allScopes = """
        warehouse:read warehouse:write accounting:read accounting:write sales:read sales:write
        """

    @Option(help: ArgumentHelp("The private key, as `gatehouse-dev keys` wrote it.", valueName: "path"))
    var key: String

    @Option(help: "Who the token speaks for (sub).")
    var subject = "developer"

    @Option(help: "What it may do: scopes separated by spaces.")
    var scope = TokenCommand.allScopes

    @Option(help: ArgumentHelp("How long it is valid: 90s, 30m, 1h, 7d; at most 365d.", valueName: "duration"))
    var ttl = TimeToLive(seconds: 3600)

    @Option(help: ArgumentHelp("How long ago it was issued, for tokens that have expired.", valueName: "duration"))
    var age: TimeToLive?

    @Option(help: "Who it is meant for (aud).")
    var audience = "gatehouse"

    @Option(help: "Who signed it (iss).")
    var issuer = "https://identity.gatehouse.local"

    func validate() throws {
        for (name, value) in [("subject", subject), ("audience", audience), ("issuer", issuer)] where value.isEmpty {
            throw ValidationError("--\(name) must not be empty")
        }
        guard scope.unicodeScalars.allSatisfy(Self.mayStandInScope) else {
            throw ValidationError("--scope must be scopes separated by spaces (RFC 6749 §3.3)")
        }
    }

    func run() async throws {
        print(try await token(issuedAt: Date()))
    }

    /// The signed token.
    ///
    /// - Parameter time: When it is issued, unless ``age`` says that this was earlier; times in tokens are whole seconds, which every verifier reads (RFC 7519 §2).
    /// - Throws: ``CommandFailure`` when there is no usable key.
    func token(issuedAt time: Date) async throws -> String {
        let tokenKey = try TokenKey(contentsOf: key)
        let now = Date(timeIntervalSince1970: time.timeIntervalSince1970.rounded(.down) - Double(age?.seconds ?? 0))
        let claims = Claims(
            iss: IssuerClaim(value: issuer), aud: AudienceClaim(value: [audience]), sub: SubjectClaim(value: subject),
            exp: ExpirationClaim(value: now.addingTimeInterval(Double(ttl.seconds))), iat: IssuedAtClaim(value: now),
            jti: IDClaim(value: UUID().uuidString.lowercased()), scope: scope)
        let keys = JWTKeyCollection()
        let kid = JWKIdentifier(string: tokenKey.thumbprint)
        await keys.add(ecdsa: try ES256PrivateKey(pem: tokenKey.pem), kid: kid)
        return try await keys.sign(claims, kid: kid)
    }

    private static func mayStandInScope(_ scalar: Unicode.Scalar) -> Bool {
        (0x20...0x7e).contains(scalar.value) && scalar != "\"" && scalar != "\\"
    }
}

/// The claims of Gatehouse's access tokens.
struct Claims: JWTPayload {
    let iss: IssuerClaim
    let aud: AudienceClaim
    let sub: SubjectClaim
    let exp: ExpirationClaim
    let iat: IssuedAtClaim
    let jti: IDClaim
    let scope: String

    func verify(using algorithm: some JWTAlgorithm) throws {
        try exp.verifyNotExpired()
    }
}

/// How long a token is valid: 1 second to 365 days, written with a unit.
struct TimeToLive: ExpressibleByArgument, CustomStringConvertible {
    let seconds: Int

    init(seconds: Int) {
        self.seconds = seconds
    }

    private static let units: KeyValuePairs = ["d": 86_400, "h": 3600, "m": 60, "s": 1]

    init?(argument: String) {
        guard let (_, unit) = Self.units.first(where: { argument.hasSuffix($0.key) }),
            let count = Int(argument.dropLast()),
            (1...(365 * 86_400 / unit)).contains(count)
        else { return nil }
        seconds = count * unit
    }

    var description: String {
        guard let (name, unit) = Self.units.first(where: { seconds.isMultiple(of: $0.value) }) else { return "" }
        return "\(seconds / unit)\(name)"
    }

    var defaultValueDescription: String { description }
}
