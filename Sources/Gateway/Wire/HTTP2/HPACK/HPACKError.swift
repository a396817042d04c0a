/// Why a header block cannot be decoded: the connection is over with COMPRESSION_ERROR (RFC 9113 §4.3), because the two
/// ends' tables are no longer the same.
enum HPACKError: Error, Equatable, Sendable {
    /// The block ends within a field.
    case truncated
    /// More than 2³² - 1, or more than five bytes behind the prefix (RFC 7541 §5.1).
    case integerOverflow
    /// Neither table has such an entry, or it is 0 (§2.3.3, §6.1).
    case invalidIndex
    /// More than was announced by SETTINGS_HEADER_TABLE_SIZE (§6.3).
    case tableSizeTooLarge
    /// A table size update behind a field (§4.2).
    case lateTableSizeUpdate
    /// A code that does not exist, EOS, or padding that is not its beginning (§5.2).
    case invalidHuffmanCode
}
