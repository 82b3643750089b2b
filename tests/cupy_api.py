"""What CuPy 13 has of NumPy: the functions under their NumPy names, with CuPy's parameters; ufuncs without brackets.

Read from the wheel cupy-cuda12x 13.6 (names and signatures only). The duck arrays of the tests know exactly these, so a row that
needs anything else fails in CI, without a GPU.
"""

from __future__ import annotations

_SPACES = {
    "": """
        absolute add all(a,axis,out,keepdims) allclose(a,b,rtol,atol,equal_nan) amax(a,axis,out,keepdims)
        amin(a,axis,out,keepdims) angle(z,deg) any(a,axis,out,keepdims) append(arr,values,axis)
        apply_along_axis(func1d,axis,arr,*args,**) arange(start,stop,step,dtype) arccos arccosh arcsin arcsinh arctan arctan2
        arctanh argmax(a,axis,dtype,out,keepdims) argmin(a,axis,dtype,out,keepdims) argpartition(a,kth,axis)
        argsort(a,axis,kind) argwhere(a) around(a,decimals,out) array(obj,dtype,copy,order,subok,ndmin,*,blocking)
        array2string(a,*args,**) array_equal(a1,a2,equal_nan) array_equiv(a1,a2)
        array_repr(arr,max_line_width,precision,suppress_small) array_split(ary,indices_or_sections,axis)
        array_str(arr,max_line_width,precision,suppress_small) asanyarray(a,dtype,order,*,blocking)
        asarray(a,dtype,order,*,blocking) ascontiguousarray(a,dtype) asfortranarray(a,dtype) atleast_1d(*arys) atleast_2d(*arys)
        atleast_3d(*arys) average(a,axis,weights,returned,*,keepdims) bincount(x,weights,minlength) bitwise_and bitwise_or
        bitwise_xor broadcast_arrays(*args) broadcast_shapes broadcast_to(array,shape) can_cast(from_,to,casting) cbrt ceil
        choose(a,choices,out,mode) clip(a,a_min,a_max,out) column_stack(tup) common_type(*arrays) compress(condition,a,axis,out)
        concatenate(tup,axis,out,*,dtype,casting) conjugate convolve(a,v,mode) copy(a,order) copysign
        copyto(dst,src,casting,where) corrcoef(a,y,rowvar,bias,ddof,*,dtype) correlate(a,v,mode) cos cosh count_nonzero(a,axis)
        cov(a,y,rowvar,bias,ddof,fweights,aweights,*,dtype) cross(a,b,axisa,axisb,axisc,axis) cumprod(a,axis,dtype,out)
        cumsum(a,axis,dtype,out) deg2rad degrees delete(arr,indices,axis) diag(v,k) diag_indices_from(arr) diagflat(v,k)
        diagonal(a,offset,axis1,axis2) diff(a,n,axis,prepend,append) digitize(x,bins,right) divide divmod dot(a,b,out)
        dsplit(ary,indices_or_sections) dstack(tup) ediff1d(arr,to_end,to_begin) einsum(*operands,**) empty(shape,dtype,order)
        empty_like(prototype,dtype,order,subok,shape) exp exp2 expand_dims(a,axis) expm1 extract(condition,a)
        eye(N,M,k,dtype,order) fabs fill_diagonal(a,val,wrap) fix flatnonzero(a) flip(a,axis) fliplr(a) flipud(a) float_power
        floor floor_divide fmax fmin fmod frexp full(shape,fill_value,dtype,order)
        full_like(a,fill_value,dtype,order,subok,shape) gcd gradient(f,*varargs,axis,edge_order) heaviside
        histogram(x,bins,range,weights,density) histogram2d(x,y,bins,range,weights,density)
        histogramdd(sample,bins,range,weights,density) hsplit(ary,indices_or_sections) hstack(tup,*,dtype,casting) hypot i0
        identity(n,dtype) imag(val) indices(dimensions,dtype) inner(a,b) interp(x,xp,fp,left,right,period)
        intersect1d(arr1,arr2,assume_unique,return_indices) invert isclose(a,b,rtol,atol,equal_nan) iscomplex(x) iscomplexobj(x)
        isfinite isfortran(a) isin(element,test_elements,assume_unique,invert) isinf isnan isneginf(x,out) isposinf(x,out)
        isreal(x) isrealobj(x) isscalar(element) issubdtype ix_(*args) kron(a,b) lcm ldexp left_shift lexsort(keys)
        linspace(start,stop,num,endpoint,retstep,dtype,axis) log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not
        logical_or logical_xor logspace(start,stop,num,endpoint,base,dtype,axis) matmul max(a,axis,out,keepdims) maximum
        may_share_memory(a,b,max_work) mean(a,axis,dtype,out,keepdims) median(a,axis,out,overwrite_input,keepdims)
        meshgrid(*xi,**) min(a,axis,out,keepdims) min_scalar_type minimum modf moveaxis(a,source,destination) multiply
        nan_to_num(x,copy,nan,posinf,neginf) nanargmax(a,axis,dtype,out,keepdims) nanargmin(a,axis,dtype,out,keepdims)
        nancumprod(a,axis,dtype,out) nancumsum(a,axis,dtype,out) nanmax(a,axis,out,keepdims) nanmean(a,axis,dtype,out,keepdims)
        nanmedian(a,axis,out,overwrite_input,keepdims) nanmin(a,axis,out,keepdims) nanprod(a,axis,dtype,out,keepdims)
        nanstd(a,axis,dtype,out,ddof,keepdims) nansum(a,axis,dtype,out,keepdims) nanvar(a,axis,dtype,out,ddof,keepdims) ndim(a)
        negative nextafter nonzero(a) ones(shape,dtype,order) ones_like(a,dtype,order,subok,shape) outer(a,b,out)
        pad(array,pad_width,mode,**) partition(a,kth,axis)
        percentile(a,q,axis,out,overwrite_input,method,keepdims,*,interpolation) piecewise(x,condlist,funclist)
        place(arr,mask,vals) positive power prod(a,axis,dtype,out,keepdims) promote_types ptp(a,axis,out,keepdims)
        put(a,ind,v,mode) putmask(a,mask,values) quantile(a,q,axis,out,overwrite_input,method,keepdims,*,interpolation) rad2deg
        radians ravel(a,order) ravel_multi_index(multi_index,dims,mode,order) real(val) real_if_close(a,tol) reciprocal
        remainder repeat(a,repeats,axis) reshape(a,newshape,order) resize(a,new_shape) result_type(*arrays_and_dtypes)
        right_shift rint roll(a,shift,axis) rollaxis(a,axis,start) rot90(a,k,axes) round(a,decimals,out)
        row_stack(tup,*,dtype,casting) searchsorted(a,v,side,sorter) select(condlist,choicelist,default)
        setdiff1d(ar1,ar2,assume_unique) setxor1d(ar1,ar2,assume_unique) shape(a) shares_memory(a,b,max_work) sign signbit sin
        sinc sinh size sort(a,axis,kind) sort_complex(a) split(ary,indices_or_sections,axis) sqrt square squeeze(a,axis)
        stack(tup,axis,out,*,dtype,casting) std(a,axis,dtype,out,ddof,keepdims) subtract sum(a,axis,dtype,out,keepdims)
        swapaxes(a,axis1,axis2) take(a,indices,axis,out) take_along_axis(a,indices,axis) tan tanh tensordot(a,b,axes)
        tile(A,reps) trace(a,offset,axis1,axis2,dtype,out) transpose(a,axes) tri(N,M,k,dtype) tril(m,k) tril_indices_from(arr,k)
        trim_zeros(filt,trim) triu(m,k) triu_indices_from(arr,k) trunc union1d(arr1,arr2)
        unique(ar,return_index,return_inverse,return_counts,axis,*,equal_nan) unravel_index(indices,dims,order)
        unwrap(p,discont,axis,*,period) vander(x,N,increasing) var(a,axis,dtype,out,ddof,keepdims) vdot(a,b)
        vsplit(ary,indices_or_sections) vstack(tup,*,dtype,casting) where(condition,x,y) zeros(shape,dtype,order)
        zeros_like(a,dtype,order,subok,shape)
    """,
    "linalg": """
        cholesky(a) det(a) eigh(a,UPLO) eigvalsh(a,UPLO) inv(a) lstsq(a,b,rcond) matrix_power(M,n) matrix_rank(M,tol)
        norm(x,ord,axis,keepdims) pinv(a,rcond) qr(a,mode) slogdet(a) solve(a,b) svd(a,full_matrices,compute_uv)
        tensorinv(a,ind) tensorsolve(a,b,axes)
    """,
    "fft": """
        fft(a,n,axis,norm) fft2(a,s,axes,norm) fftfreq(n,d) fftn(a,s,axes,norm) fftshift(x,axes) hfft(a,n,axis,norm)
        ifft(a,n,axis,norm) ifft2(a,s,axes,norm) ifftn(a,s,axes,norm) ifftshift(x,axes) ihfft(a,n,axis,norm)
        irfft(a,n,axis,norm) irfft2(a,s,axes,norm) irfftn(a,s,axes,norm) rfft(a,n,axis,norm) rfft2(a,s,axes,norm) rfftfreq(n,d)
        rfftn(a,s,axes,norm)
    """,
    "lib.stride_tricks": """
        as_strided(x,shape,strides) sliding_window_view(x,window_shape,axis,*,subok,writeable)
    """,
}

# methods and attributes of its arrays
METHODS = set(
    """
    all any argmax argmin argpartition argsort astype choose clip compress conj conjugate copy cumprod cumsum diagonal dot fill
    flatten get item max mean min nonzero partition prod ptp put ravel repeat reshape round searchsorted sort squeeze std sum
    swapaxes take tobytes tolist trace transpose var view
    """.split()
)
ATTRIBUTES = set("T base dtype imag itemsize nbytes ndim real shape size strides".split())
# methods of its ufuncs: of `reduce` and `accumulate` those of add and multiply only
UFUNC_METHODS = {
    "__call__": None,
    "outer": None,
    "at": {"add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"},
    "reduce": {"add", "multiply"},
    "accumulate": {"add", "multiply"},
    "reduceat": {"add"},
}


def _parsed(entry: str) -> tuple[str, tuple[int, set[str] | None] | None]:
    """The name; how many positional arguments there may be, and which keywords (None: any); or None for both."""
    name, bracket, rest = entry.partition("(")
    if not bracket:
        return name, None
    parts = rest.removesuffix(")").split(",")
    anything = "**" in parts
    names = [part for part in parts if part and not part.startswith("*")]
    stars = [k for k, part in enumerate(parts) if part.startswith("*") and part != "**"]
    positional = len(names) if not stars else stars[0] if parts[stars[0]] == "*" else 10**6
    return name, (positional, None if anything else set(names))


FUNCTIONS: dict[str, tuple[int, set[str] | None] | None] = {
    f"{space}.{name}".lstrip("."): parameters
    for space, text in _SPACES.items()
    for name, parameters in map(_parsed, text.split())
}
