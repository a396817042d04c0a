/// Why a message is refused. Nothing is repaired: a message that two parsers could read differently is not forwarded.
///
/// The raw value names the reason in logs and metrics. After an error the connection cannot be used any further, since
/// where the next message begins is not known.
public enum HTTP1Error: String, Error, Sendable, Equatable {
    // Bytes of the head
    case bareLineFeed
    case bareCarriageReturn
    case controlByte

    // Start line
    case malformedRequestLine
    case requestLineTooLong
    case invalidMethod
    case unsupportedMethod
    case invalidTarget
    case invalidVersion
    case unsupportedVersion
    case malformedStatusLine
    case statusLineTooLong
    case invalidStatus

    // Field lines
    case obsoleteFolding
    case emptyFieldName
    case missingColon
    case whitespaceBeforeColon
    case invalidFieldName
    case headerSectionTooLarge
    case tooManyFields

    // Host and authority
    case missingHost
    case repeatedHost
    case invalidHost
    case conflictingHost

    // Framing
    case repeatedContentLength
    case invalidContentLength
    case contentLengthOverflow
    case repeatedTransferEncoding
    case invalidTransferEncoding
    case unsupportedTransferCoding
    case transferEncodingInHTTP10
    case contentLengthWithTransferEncoding
    case contentForbidden
    case invalidConnection
    case framingFieldInConnection
    case tooManyConnectionOptions
    case unsupportedExpectation

    // Chunks and trailers
    case invalidChunkSize
    case chunkSizeOverflow
    case whitespaceInChunkLine
    case invalidChunkExtension
    case chunkExtensionTooLong
    case chunkOverhead
    case missingChunkEnd
    case forbiddenTrailer
    case trailerSectionTooLarge
    case truncatedBody

    /// The status to answer a request with. A response with an error is 502 whatever this says.
    public var status: UInt16 {
        switch self {
        case .requestLineTooLong: 414
        case .unsupportedExpectation: 417
        case .headerSectionTooLarge, .tooManyFields, .tooManyConnectionOptions, .trailerSectionTooLarge: 431
        case .unsupportedMethod, .unsupportedTransferCoding: 501
        case .unsupportedVersion: 505
        default: 400
        }
    }
}

extension HTTP1Error: CustomStringConvertible {
    public var description: String {
        switch self {
        case .bareLineFeed: "a line ends with LF alone"
        case .bareCarriageReturn: "CR stands without LF"
        case .controlByte: "the head has a control byte"
        case .malformedRequestLine: "the request line is not method, target and version with one space between"
        case .requestLineTooLong: "the request line is too long"
        case .invalidMethod: "the method is not a token"
        case .unsupportedMethod: "the method CONNECT is not supported"
        case .invalidTarget: "the request target has none of the forms of RFC 9112 §3.2"
        case .invalidVersion: "the version is not HTTP/ and two digits"
        case .unsupportedVersion: "the version is neither HTTP/1.1 nor HTTP/1.0"
        case .malformedStatusLine: "the status line is malformed"
        case .statusLineTooLong: "the status line is too long"
        case .invalidStatus: "the status is not a number from 100 to 599"
        case .obsoleteFolding: "a field line begins with whitespace"
        case .emptyFieldName: "a field line has no name"
        case .missingColon: "a field line has no colon"
        case .whitespaceBeforeColon: "whitespace stands between a field name and its colon"
        case .invalidFieldName: "a field name is not a token"
        case .headerSectionTooLarge: "the header section is too large"
        case .tooManyFields: "there are too many fields"
        case .missingHost: "the Host field is missing"
        case .repeatedHost: "there is more than one Host field"
        case .invalidHost: "the Host field is not a host and perhaps a port"
        case .conflictingHost: "the Host field differs from the target's authority"
        default: framingDescription
        }
    }

    private var framingDescription: String {
        switch self {
        case .repeatedContentLength: "there is more than one Content-Length"
        case .invalidContentLength: "the Content-Length is not a decimal number"
        case .contentLengthOverflow: "the Content-Length is beyond 64 bits"
        case .repeatedTransferEncoding: "there is more than one Transfer-Encoding field"
        case .invalidTransferEncoding: "the Transfer-Encoding is malformed or does not end with chunked"
        case .unsupportedTransferCoding: "the Transfer-Encoding has a coding other than chunked"
        case .transferEncodingInHTTP10: "HTTP/1.0 has no Transfer-Encoding"
        case .contentLengthWithTransferEncoding: "there are both Content-Length and Transfer-Encoding"
        case .contentForbidden: "the response announces content that its status forbids"
        case .invalidConnection: "the Connection field is not a list of tokens"
        case .framingFieldInConnection: "the Connection field names a field that frames the message"
        case .tooManyConnectionOptions: "the Connection field has too many options"
        case .unsupportedExpectation: "the expectation is not 100-continue"
        case .invalidChunkSize: "a chunk size is not a hexadecimal number"
        case .chunkSizeOverflow: "a chunk size has more than 16 digits"
        case .whitespaceInChunkLine: "a chunk size or extension has whitespace around it"
        case .invalidChunkExtension: "a chunk extension is malformed"
        case .chunkExtensionTooLong: "a chunk's extensions are too long"
        case .chunkOverhead: "the chunks carry far more framing than content"
        case .missingChunkEnd: "a chunk's content is not followed by CRLF"
        case .forbiddenTrailer: "a trailer field belongs into the header section"
        case .trailerSectionTooLarge: "the trailer section is too large"
        case .truncatedBody: "the connection closed before the content was complete"
        default: rawValue
        }
    }
}
