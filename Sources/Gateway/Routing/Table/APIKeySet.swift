/// The API keys that a policy accepts, by their digests, and where requests carry them.
public struct APIKeySet: Sendable, Equatable {
    public struct Consumer: Sendable, Equatable {
        public var name: String
        /// SHA-256 of the key: 32 bytes.
        public var digest: [UInt8]
        public var scopes: [String]

        public init(name: String, digest: [UInt8], scopes: [String] = []) {
            self.name = name
            self.digest = digest
            self.scopes = scopes
        }
    }

    /// The `AuthenticationPolicy` it comes from, as "namespace/name".
    public var name: String
    /// The Secret, as "namespace/name".
    public var secret: String
    /// In lower case.
    public var header: String
    /// Nil: keys are taken from the header only.
    public var queryParameter: String?
    public var consumers: [Consumer]

    public init(
        name: String, secret: String = "", header: String = "x-api-key", queryParameter: String? = nil,
        consumers: [Consumer]
    ) {
        self.name = name
        self.secret = secret
        self.header = header
        self.queryParameter = queryParameter
        self.consumers = consumers
    }
}
