/// A field name that the codec knows, as a small number to switch over instead of comparing bytes.
///
/// 1 to 61 are indices of the static table (RFC 7541 appendix A), always the first of a name: `:method` is 2, never 3.
/// Those above are names of our own choice, which cost their bytes on the wire. 0 is every other name.
struct HPACKName: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    let rawValue: UInt8

    @inline(__always)
    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Whether the static table has the name.
    @inline(__always)
    var isStatic: Bool { rawValue &- 1 < HPACKTables.staticCount }

    @inline(__always)
    static var unknown: HPACKName { HPACKName(rawValue: 0) }
    @inline(__always) static var authority: HPACKName { HPACKName(rawValue: 1) }
    @inline(__always) static var method: HPACKName { HPACKName(rawValue: 2) }
    @inline(__always) static var path: HPACKName { HPACKName(rawValue: 4) }
    @inline(__always) static var scheme: HPACKName { HPACKName(rawValue: 6) }
    @inline(__always) static var status: HPACKName { HPACKName(rawValue: 8) }
    @inline(__always) static var acceptCharset: HPACKName { HPACKName(rawValue: 15) }
    @inline(__always) static var acceptEncoding: HPACKName { HPACKName(rawValue: 16) }
    @inline(__always) static var acceptLanguage: HPACKName { HPACKName(rawValue: 17) }
    @inline(__always) static var acceptRanges: HPACKName { HPACKName(rawValue: 18) }
    @inline(__always) static var accept: HPACKName { HPACKName(rawValue: 19) }
    @inline(__always) static var accessControlAllowOrigin: HPACKName { HPACKName(rawValue: 20) }
    @inline(__always) static var age: HPACKName { HPACKName(rawValue: 21) }
    @inline(__always) static var allow: HPACKName { HPACKName(rawValue: 22) }
    @inline(__always) static var authorization: HPACKName { HPACKName(rawValue: 23) }
    @inline(__always) static var cacheControl: HPACKName { HPACKName(rawValue: 24) }
    @inline(__always) static var contentDisposition: HPACKName { HPACKName(rawValue: 25) }
    @inline(__always) static var contentEncoding: HPACKName { HPACKName(rawValue: 26) }
    @inline(__always) static var contentLanguage: HPACKName { HPACKName(rawValue: 27) }
    @inline(__always) static var contentLength: HPACKName { HPACKName(rawValue: 28) }
    @inline(__always) static var contentLocation: HPACKName { HPACKName(rawValue: 29) }
    @inline(__always) static var contentRange: HPACKName { HPACKName(rawValue: 30) }
    @inline(__always) static var contentType: HPACKName { HPACKName(rawValue: 31) }
    @inline(__always) static var cookie: HPACKName { HPACKName(rawValue: 32) }
    @inline(__always) static var date: HPACKName { HPACKName(rawValue: 33) }
    @inline(__always) static var etag: HPACKName { HPACKName(rawValue: 34) }
    @inline(__always) static var expect: HPACKName { HPACKName(rawValue: 35) }
    @inline(__always) static var expires: HPACKName { HPACKName(rawValue: 36) }
    @inline(__always) static var from: HPACKName { HPACKName(rawValue: 37) }
    @inline(__always) static var host: HPACKName { HPACKName(rawValue: 38) }
    @inline(__always) static var ifMatch: HPACKName { HPACKName(rawValue: 39) }
    @inline(__always) static var ifModifiedSince: HPACKName { HPACKName(rawValue: 40) }
    @inline(__always) static var ifNoneMatch: HPACKName { HPACKName(rawValue: 41) }
    @inline(__always) static var ifRange: HPACKName { HPACKName(rawValue: 42) }
    @inline(__always) static var ifUnmodifiedSince: HPACKName { HPACKName(rawValue: 43) }
    @inline(__always) static var lastModified: HPACKName { HPACKName(rawValue: 44) }
    @inline(__always) static var link: HPACKName { HPACKName(rawValue: 45) }
    @inline(__always) static var location: HPACKName { HPACKName(rawValue: 46) }
    @inline(__always) static var maxForwards: HPACKName { HPACKName(rawValue: 47) }
    @inline(__always) static var proxyAuthenticate: HPACKName { HPACKName(rawValue: 48) }
    @inline(__always) static var proxyAuthorization: HPACKName { HPACKName(rawValue: 49) }
    @inline(__always) static var range: HPACKName { HPACKName(rawValue: 50) }
    @inline(__always) static var referer: HPACKName { HPACKName(rawValue: 51) }
    @inline(__always) static var refresh: HPACKName { HPACKName(rawValue: 52) }
    @inline(__always) static var retryAfter: HPACKName { HPACKName(rawValue: 53) }
    @inline(__always) static var server: HPACKName { HPACKName(rawValue: 54) }
    @inline(__always) static var setCookie: HPACKName { HPACKName(rawValue: 55) }
    @inline(__always) static var strictTransportSecurity: HPACKName { HPACKName(rawValue: 56) }
    @inline(__always) static var transferEncoding: HPACKName { HPACKName(rawValue: 57) }
    @inline(__always) static var userAgent: HPACKName { HPACKName(rawValue: 58) }
    @inline(__always) static var vary: HPACKName { HPACKName(rawValue: 59) }
    @inline(__always) static var via: HPACKName { HPACKName(rawValue: 60) }
    @inline(__always) static var wwwAuthenticate: HPACKName { HPACKName(rawValue: 61) }
    @inline(__always) static var `protocol`: HPACKName { HPACKName(rawValue: 62) }
    @inline(__always) static var connection: HPACKName { HPACKName(rawValue: 63) }
    @inline(__always) static var keepAlive: HPACKName { HPACKName(rawValue: 64) }
    @inline(__always) static var proxyConnection: HPACKName { HPACKName(rawValue: 65) }
    @inline(__always) static var upgrade: HPACKName { HPACKName(rawValue: 66) }
    @inline(__always) static var te: HPACKName { HPACKName(rawValue: 67) }
    @inline(__always) static var trailer: HPACKName { HPACKName(rawValue: 68) }
    @inline(__always) static var priority: HPACKName { HPACKName(rawValue: 69) }
    @inline(__always) static var xRequestId: HPACKName { HPACKName(rawValue: 70) }
    @inline(__always) static var traceparent: HPACKName { HPACKName(rawValue: 71) }
    @inline(__always) static var tracestate: HPACKName { HPACKName(rawValue: 72) }
    @inline(__always) static var forwarded: HPACKName { HPACKName(rawValue: 73) }
    @inline(__always) static var xForwardedFor: HPACKName { HPACKName(rawValue: 74) }
    @inline(__always) static var xForwardedProto: HPACKName { HPACKName(rawValue: 75) }
    @inline(__always) static var xForwardedHost: HPACKName { HPACKName(rawValue: 76) }
    @inline(__always) static var xRealIP: HPACKName { HPACKName(rawValue: 77) }
    @inline(__always) static var xAPIKey: HPACKName { HPACKName(rawValue: 78) }
    @inline(__always) static var idempotencyKey: HPACKName { HPACKName(rawValue: 79) }
}
